/** Renders the samples of docs/operations.md, as part of `npm run docs`. What drawing and encoder give is not compared. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { render } from './render.ts'
import { drawBadge, drawSample, SAMPLES } from './samples.ts'

const FOLDER = resolve(import.meta.dirname, '../../docs/operations')

mkdirSync(FOLDER, { recursive: true })
const badge = await drawBadge()
for (const [name, sample] of Object.entries(SAMPLES)) {
  writeFileSync(join(FOLDER, `${name}.webp`), await render(await drawSample(sample), sample.recipe, 'webp', badge))
}
