/**
 * Steps behind one whose size only its pixels tell (`trim`). A plan keeps them as they were asked, so that the key still says
 * everything the bytes depend on; once the pixels are there, the same pure code that plans resolves them.
 *
 * What an operation resolves to is under its own epoch: who raises the epoch of `crop` or `pad` raises that of `resize`.
 */
import type { Params, Step } from '../model/recipe.ts'
import { follow } from './follow.ts'
import type { Concrete, Picture } from './operation.ts'
import type { Film, Pixels } from './pixels.ts'
import { findOperation } from './registry.ts'

const operationOf = (name: string) => {
  const operation = findOperation(name)
  if (!operation) throw new TypeError(`Expected a known operation but received ${name}`)
  return operation
}

/** The parameters as asked, where a step is still to be resolved. */
export const lateParams = ({ params }: Pick<Step, 'params'>): Params | undefined => params.late as Params | undefined

/** One operation against what is known of a picture; late where its size is not. Metadata depends on no size. */
export const concretise = (op: string, params: Params, picture: Picture): Concrete => {
  const operation = operationOf(op)
  if (picture.sized || operation.place === 'output') {
    const concrete = operation.concretise(params, picture)
    return concrete.picture.focal
      ? { ...concrete, picture: { ...concrete.picture, focal: carried(concrete, picture) } }
      : concrete
  }
  const step: Step = { op, epoch: operation.epoch, params: { late: params } }
  // Whether an operation adds alpha may depend on sizes too; flattening what has none costs nothing when it comes to it.
  return { steps: [step], picture: { ...picture, hasAlpha: op !== 'flatten', focal: undefined } }
}

/** Of the picture as the steps found it: turning it upright, which is none, changes no share of it. */
const carried = ({ steps, picture: { focal } }: Concrete, { width, height }: Picture): Picture['focal'] =>
  focal && steps.length > 0 ? follow(focal, { width, height }, steps) : focal

/** What a plan could not know and the pixels can tell. Orientation is applied and the credit is the metadata step's. */
const pictureIn = ({ raw }: Pixels, frames: number): Picture => ({
  frames,
  width: raw.width,
  height: raw.height,
  sized: true,
  hasAlpha: raw.channels === 4,
  orientation: 1,
  credit: {},
})

/** What a late step comes to; it may be refused as when it is planned. */
export const resolveLate = ({ op }: Step, asked: Params, { frames }: Film): Concrete =>
  operationOf(op).concretise(asked, pictureIn(frames[0], frames.length))
