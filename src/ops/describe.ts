/** The table of operations for documentation, made of the schemas that parse: it cannot be stale. */
import { z } from 'zod'
import { ENCODERS } from './encode-settings.ts'
import { OPERATIONS } from './registry.ts'

export interface ParameterRow {
  readonly operation: string
  /** Empty where the operation's value is itself the parameter. */
  readonly parameter: string
  readonly values: string
  readonly default: string
  readonly description: string
}

interface Shape {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly const?: string
  readonly anyOf?: readonly Shape[]
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly default?: unknown
  readonly description?: string
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
}

const valuesOf = (shape: Shape): string => {
  if (shape.anyOf) return shape.anyOf.map(valuesOf).join(', ')
  if (shape.const !== undefined) return shape.const
  if (shape.enum) return shape.enum.join(', ')
  if (shape.properties) return `{ ${Object.keys(shape.properties).join(', ')} }`
  if (shape.minimum !== undefined) return `${shape.minimum} to ${shape.maximum}`
  return shape.pattern?.startsWith('^#') ? 'colour' : (shape.type ?? '')
}

const rowOf = (operation: string, parameter: string, shape: Shape, required: boolean): ParameterRow => ({
  operation,
  parameter,
  values: valuesOf(shape),
  default: shape.default === undefined ? (required ? 'required' : '') : String(shape.default),
  description: shape.description ?? '',
})

const rowsOf = (operation: string, schema: z.ZodType, whenAbsent?: unknown): readonly ParameterRow[] => {
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape
  if (!shape.properties) return [rowOf(operation, '', { ...shape, default: whenAbsent }, false)]
  return Object.entries(shape.properties).map(([name, value]) =>
    rowOf(operation, name, value, shape.required?.includes(name) ?? false),
  )
}

/** One row for each parameter, operations in the order in which they run, then the encoders. */
export const describeOperations = (): readonly ParameterRow[] => [
  ...Object.values(OPERATIONS).flatMap(({ name, schema, whenAbsent, spell }) =>
    rowsOf(name, schema, whenAbsent && spell?.(whenAbsent)),
  ),
  ...Object.entries(ENCODERS).flatMap(([format, schema]) => rowsOf(format, schema)),
]
