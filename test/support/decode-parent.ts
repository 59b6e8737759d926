/** A process with a decode pool at work, to be killed: tells the pid of its decode process. */
import { openDecodePool } from '../../src/transform/decode-pool.ts'
import { probeImage } from '../../src/transform/probe.ts'
import { whiteNoise } from './images.ts'
import { planNodes } from './render.ts'

const original = await whiteNoise({ width: 1600, height: 1200 })
const nodes = await planNodes(original, [{ formats: [{ format: 'avif', effort: 9, quality: 100 }] }])
const pool = openDecodePool({ size: 1 })
const tasks = nodes.map(({ key, chain }) => ({ id: key, chain }))
void pool.run({ original, image: await probeImage(original, original.length), tasks })
process.send?.(pool.stats().pids[0])
