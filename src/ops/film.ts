/** Steps over the frames of a picture that moves. */
import type { Params, Step } from '../model/recipe.ts'
import { type Film, mapFrames, openPixels, type Pixels, type Render, splitFrames, tallOf } from './pixels.ts'
import { applyStep, findOperation } from './registry.ts'

/** Runs one resolved step on every frame, as if each were the only one; what all of them decide is decided first. */
export const filmStep = async (film: Film, step: Step, render: Render, second?: Pixels): Promise<Film> => {
  const { frames } = film
  const apply = async (pixels: Pixels, params: Params): Promise<Pixels> =>
    render(await applyStep(openPixels(pixels), { ...step, params }, pixels, second))
  const operation = frames.length > 1 ? findOperation(step.op) : undefined
  if (operation?.whole) {
    return { ...film, frames: splitFrames(await apply(tallOf(film), step.params), frames.length) }
  }
  const params = (await operation?.settle?.(step.params, frames)) ?? step.params
  return mapFrames(film, frame => apply(frame, params))
}
