/**
 * The contract of an operation. `schema` reads what a user may write, `concretise` resolves it against one picture until
 * nothing relative is left, and `apply` runs a resolved step. Adding an operation is one file and one line in `registry.ts`.
 */
import type { Sharp } from 'sharp'
import type { z } from 'zod'
import type { Point } from '../model/focal.ts'
import type { ImageFacts } from '../model/original.ts'
import type { JsonValue, Params, Step } from '../model/recipe.ts'
import type { Pixels } from './pixels.ts'

/** What is known of the pixels at one point of a chain. */
export interface Picture {
  readonly width: number
  readonly height: number
  /** More than 1 of a picture that moves, and is to go on moving. */
  readonly frames: number
  /** False once only the pixels know the size: `width` and `height` are then no more than what they were before. */
  readonly sized: boolean
  readonly hasAlpha: boolean
  /** EXIF orientation that decoding has to apply; 1 once it does not matter. */
  readonly orientation: number
  readonly credit: ImageFacts['credit']
  /** What `gravity: auto` keeps in sight; `undefined`: nobody has said, or the picture has been cut by what its pixels tell. */
  readonly focal?: Point | undefined
  /** Its colours are said by primaries and curves alone. */
  readonly matrixProfile?: boolean
}

/** Why a recipe gives nothing for this one source. The code is stable; the message is fit for the caller. */
export interface Refusal {
  readonly code: 'crop-outside' | 'output-too-large'
  readonly message: string
}

/** What a plan may answer besides. */
export interface PlanRefusal {
  readonly code: Refusal['code'] | 'too-expensive' | 'private-metadata'
  readonly message: string
}

export interface Concrete {
  readonly steps: readonly Step[]
  readonly picture: Picture
  readonly refusal?: Refusal
}

export interface Operation<Asked extends Params = Params, Resolved extends Params = Params> {
  readonly name: string
  /** Raised by hand when the pixels that this operation produces change: old results are disowned. */
  readonly epoch: number
  /** Where it may stand: in any stage, in the first only (`source`), in the last only (`output`). */
  readonly place: 'stage' | 'source' | 'output'
  /** Short spellings of parameters, folded before the schema looks. */
  readonly aliases?: Readonly<Record<string, string>>
  /** Strict; fills every default, so that two spellings of one wish parse to one value. */
  readonly schema: z.ZodType<Asked>
  /** Back to what a user writes, where that is not the parameters themselves: `schema` reads it to the same value. */
  readonly spell?: (asked: Asked) => JsonValue
  /** True where it changes no picture: it is left out of a canonical recipe. */
  readonly idle?: (asked: Asked) => boolean
  /** What stands in a canonical recipe that does not mention the operation; `undefined`: nothing. */
  readonly whenAbsent?: Asked
  /** What is asked where the picture is to have `factor` times as many pixels a side; absent where nothing is said in pixels. */
  readonly zoom?: (asked: Asked, factor: number) => Asked
  readonly concretise: (asked: Asked, picture: Picture) => Concrete
  /**
   * Where the pixels decide: decides once for all frames of a picture that moves, so that none is treated unlike the next. What
   * it gives, `apply` follows without looking.
   */
  readonly settle?: (resolved: Resolved, frames: readonly Pixels[]) => Resolved | Promise<Resolved>
  /** What becomes of a pixel hangs on all others: frames are run as one tall picture. */
  readonly whole?: boolean
  /**
   * `pixels` are what the pipeline begins with, for operations that have to look at them, and `second` the other parent's, where
   * there is one (composite.ts). Depends on nothing else.
   */
  readonly apply: (pipeline: Sharp, resolved: Resolved, pixels: Pixels, second?: Pixels) => Sharp | Promise<Sharp>
}

/**
 * Forgets the parameter types, which the registry cannot carry. Sound because `concretise` and `apply` only ever receive
 * what the same operation's `schema` and `concretise` produced.
 */
export const operation = <Asked extends Params, Resolved extends Params>(
  definition: Operation<Asked, Resolved>,
): Operation => definition as unknown as Operation
