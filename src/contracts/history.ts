/** What has been promised, in files beside the code: `history/<subject>/<version>.json`, written once and never changed. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { groupBy } from '../lib/group-by.ts'
import {
  breaksOfSubject,
  byVersion,
  type Contract,
  type KeptContract,
  numbersOf,
  ofMajor,
  type VersionBreak,
} from './contract.ts'
import { isSame, type JsonSchema } from './json-schema.ts'

/** Beside the sources, found from them and from dist alike. */
export const historyFolder = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return join(folder, 'src/contracts/history')
}

const DIALECT = 'https://json-schema.org/draft/2020-12/schema'

/** A document for others: its `$id` is where a gateway has it. */
export const contractDocument = ({ subject, version, schema }: KeptContract): object => ({
  $schema: DIALECT,
  $id: `/v1/contracts/${subject}/${version}`,
  ...(typeof schema === 'boolean' ? { not: {} } : schema),
})

const readOne = async (folder: string, subject: string, file: string): Promise<KeptContract> => {
  const version = file.replace(/\.json$/, '')
  const { $schema: _, $id: __, ...schema } = JSON.parse(await readFile(join(folder, subject, file), 'utf8'))
  return { subject, version, major: numbersOf(version)[0], schema: schema as JsonSchema }
}

/** By subject, and of each the newest last. */
export const readHistory = async (folder = historyFolder()): Promise<KeptContract[]> => {
  const subjects = existsSync(folder) ? (await readdir(folder)).sort() : []
  const files = await Promise.all(
    subjects.map(async subject => [subject, await readdir(join(folder, subject))] as const),
  )
  const pairs = files.flatMap(([subject, names]) => names.map(name => [subject, name] as const))
  const read = await Promise.all(pairs.map(([subject, name]) => readOne(folder, subject, name)))
  return [...groupBy(read, ({ subject }) => subject).values()].flatMap(versions => versions.toSorted(byVersion))
}

export interface Difference {
  readonly subject: string
  /** What it will be called. `undefined`: it is no more, and who uses it is left without. */
  readonly next: KeptContract | undefined
  readonly breaks: readonly VersionBreak[]
}

/** Where code and history do not agree. */
export const differences = (contracts: readonly Contract[], kept: readonly KeptContract[]): Difference[] => {
  const changed = contracts.flatMap((contract): Difference[] => {
    const { subject, major, schema } = contract
    const before = ofMajor(kept, contract)
    const newest = before.at(-1)
    if (newest && isSame(newest.schema, schema)) return []
    const minor = newest ? numbersOf(newest.version)[1] + 1 : 0
    const breaks = breaksOfSubject(contract, before)
    return [{ subject, next: { ...contract, version: `${major}.${minor}.0` }, breaks }]
  })
  const known = new Set(contracts.map(({ subject, major }) => `${subject} ${major}`))
  const gone = kept.filter(one => !known.has(`${one.subject} ${one.major}`))
  const removed = [...new Map(gone.map(one => [`${one.subject} ${one.major}`, one])).values()]
  return [
    ...changed,
    ...removed.map(({ subject, version }) => ({
      subject,
      next: undefined,
      breaks: [{ pointer: '', rule: 'removed' as const, message: 'is no more', version }],
    })),
  ]
}

export const writeContract = async (contract: KeptContract, folder = historyFolder()): Promise<void> => {
  await mkdir(join(folder, contract.subject), { recursive: true })
  const text = `${JSON.stringify(contractDocument(contract), null, 2)}\n`
  await writeFile(join(folder, contract.subject, `${contract.version}.json`), text, { flag: 'wx' })
}
