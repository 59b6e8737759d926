import { fork } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { PlannedNode } from '../../src/model/recipe.ts'
import { chainTree } from '../../src/transform/chain-tree.ts'
import {
  type DecodePool,
  type DecodePoolOptions,
  openDecodePool,
  type TaskOutcome,
} from '../../src/transform/decode-pool.ts'
import { probeImage } from '../../src/transform/probe.ts'
import { corruptHeader, photo, truncated, whiteNoise } from '../support/images.ts'
import { execute, planNodes } from '../support/render.ts'
import { until } from '../support/until.ts'

const open: DecodePool[] = []
const openPool = (options: Partial<DecodePoolOptions> = {}): DecodePool => {
  const pool = openDecodePool({ size: 1, ...options })
  open.push(pool)
  return pool
}
afterEach(async () => {
  await Promise.all(open.splice(0).map(pool => pool.close()))
})

const requestFor = async (original: Buffer, recipes: readonly object[]) => {
  const nodes = await planNodes(original, recipes)
  const image = await probeImage(original, original.length)
  return { original, image, tasks: nodes.map(({ key, chain }) => ({ id: key, chain })) }
}
const small = { resize: { width: 60 }, formats: ['webp', 'jpeg'] }
/** Effort 9 on noise: some ten seconds that sharp's own time-out does not shorten. */
const slow = { formats: [{ format: 'avif', effort: 9, quality: 100 }] }
const codes = (outcomes: readonly TaskOutcome[]): string[] =>
  outcomes.map(outcome => (outcome.ok ? 'ok' : outcome.code))
const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // A killed child stays a zombie until it is reaped.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('decode pool', () => {
  it('starts nothing before it is needed, stays warm, and gives outcomes in the order of the tasks', async () => {
    const pool = openPool()
    expect(pool.stats().pids).toEqual([])
    const request = await requestFor(await photo({ width: 300, height: 200 }), [
      small,
      { resize: { width: 30 }, formats: ['png'] },
    ])
    const heard: TaskOutcome[] = []
    const first = await pool.run({ ...request, onResult: outcome => heard.push(outcome) })
    const { pids } = pool.stats()
    expect(first.map(({ id }) => id)).toEqual(request.tasks.map(({ id }) => id))
    expect(new Set(heard)).toEqual(new Set(first))
    expect(codes(first)).toEqual(['ok', 'ok', 'ok'])
    expect(first[0]).toMatchObject({ width: 60, height: 40, bytes: expect.any(Buffer) })
    expect(pids).toHaveLength(1)
    await pool.run(request)
    expect(pool.stats().pids).toEqual(pids)
  })

  it('kept warm, starts one at once and another for every one that ends', async () => {
    const pool = openPool({ keepWarm: true, recycleAfter: 1 })
    const [first] = pool.stats().pids
    expect(first).toEqual(expect.any(Number))
    const request = await requestFor(await photo({ width: 300, height: 200 }), [small])
    expect(codes(await pool.run(request))).toEqual(['ok', 'ok'])
    const second = await until('another one is there', () => pool.stats().pids.find(pid => pid !== first))
    process.kill(second, 'SIGKILL')
    await until('it is gone', () => pool.stats().pids.length === 0)
    expect(codes(await pool.run(request))).toEqual(['ok', 'ok'])
    await pool.close()
    expect(pool.stats().pids).toEqual([])
  })

  it('hands originals over in a file without a name, and without one where none can be made', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'matrix-scratch-'))
    const pool = openPool({ scratchFolder: folder })
    // Larger, smaller, larger: what an order left behind must not be part of the next.
    const requests = []
    for (const width of [900, 90, 500]) requests.push(await requestFor(await photo({ width, height: 200 }), [small]))
    const without = openPool({ scratchFolder: join(folder, 'missing') })
    for (const request of requests) {
      const outcomes = await pool.run(request)
      expect(codes(outcomes)).toEqual(['ok', 'ok'])
      expect(readdirSync(folder)).toEqual([])
      const digests = (all: readonly TaskOutcome[]) => all.map(outcome => outcome.ok && outcome.sha256)
      expect(digests(await without.run(request))).toEqual(digests(outcomes))
    }
    const [pid] = pool.stats().pids
    const shared = await until('the file is empty', () => {
      const info = statSync(`/proc/${pid}/fd/4`)
      return info.size === 0 && info
    })
    expect(shared.nlink).toBe(0)
    await rm(folder, { recursive: true })
  })

  it('charges shared work once, and says what each would have cost alone', async () => {
    const request = await requestFor(await photo({ width: 1600, height: 1200 }), [small])
    const [first, second] = await openPool().run(request)
    if (!first?.ok || !second?.ok) throw new Error('Expected two derivatives')
    expect(first.cpuMs).toBeCloseTo(first.aloneCpuMs)
    expect(second.cpuMs).toBeLessThan(second.aloneCpuMs)
  })

  it.each([
    ['truncated', truncated],
    ['corrupt', corruptHeader],
  ])('a %s file fails for good, and the process lives on', async (_, ruin) => {
    const pool = openPool()
    const whole = await photo({ width: 400, height: 300 })
    const request = await requestFor(whole, [small])
    const failed = await pool.run({ ...request, original: ruin(whole) })
    expect(failed).toEqual(
      request.tasks.map(({ id }) => ({ ok: false, id, code: 'corrupt-media', retryable: false, blamed: true })),
    )
    const [pid] = pool.stats().pids
    expect(codes(await pool.run(request))).toEqual(['ok', 'ok'])
    expect(pool.stats().pids).toEqual([pid])
  })

  it('a file with more pixels than its header was probed for is not decoded', async () => {
    const request = await requestFor(await photo({ width: 64, height: 48 }), [small])
    const larger = await photo({ width: 640, height: 480 })
    expect(codes(await openPool().run({ ...request, original: larger }))).toEqual(['corrupt-media', 'corrupt-media'])
  })

  it('a killed process keeps what it finished, blames what it ran, gives back the rest, and is replaced', async () => {
    const pool = openPool()
    const noise = await whiteNoise({ width: 1200, height: 900 })
    const request = await requestFor(noise, [
      { resize: { width: 40 }, formats: ['webp'] },
      slow,
      { crop: { width: 50, height: 50 }, formats: ['png'] },
    ])
    const heard: TaskOutcome[] = []
    const running = pool.run({ ...request, onResult: outcome => heard.push(outcome) })
    // The tree is walked leaf by leaf: the slow one is the leaf of the whole picture, after or before the others.
    await until('the process is at work', () => pool.stats().pids[0])
    await until('it encodes, which no other step of these does for long', () => busyFor(pool.stats().pids[0]!, 400))
    process.kill(pool.stats().pids[0]!, 'SIGKILL')
    const outcomes = await running
    const blamed = outcomes.filter(outcome => !outcome.ok && outcome.blamed)
    expect(blamed).toEqual([
      expect.objectContaining({ id: request.tasks[1]!.id, code: 'decoder-crashed', retryable: true }),
    ])
    for (const outcome of outcomes) {
      if (!outcome.ok && !outcome.blamed) expect(outcome).toMatchObject({ code: 'decoder-crashed', retryable: true })
    }
    expect(new Set(heard)).toEqual(new Set(outcomes))
    expect(codes(await pool.run({ ...request, tasks: [request.tasks[0]!, request.tasks[2]!] }))).toEqual(['ok', 'ok'])
  })

  it('kills what makes no progress, which the soft limit cannot', async () => {
    const pool = openPool({ softMs: 200, hardMs: 1500 })
    const request = await requestFor(await whiteNoise({ width: 1600, height: 1200 }), [slow])
    const started = performance.now()
    const [outcome] = await pool.run(request)
    expect(outcome).toMatchObject({ ok: false, code: 'timed-out', retryable: true, blamed: true })
    expect(performance.now() - started).toBeLessThan(8000)
    const after = await requestFor(await photo({ width: 64, height: 48 }), [small])
    expect(codes(await pool.run(after))).toEqual(['ok', 'ok'])
  })

  it('waits longer for what runs at low priority', async () => {
    const request = await requestFor(await photo({ width: 64, height: 48 }), [small])
    /** What a process answers that gets nothing of a core for longer than the hard limit. */
    const starved = async (niceness: number): Promise<readonly string[]> => {
      const hardMs = 3_000
      const pool = openPool({ hardMs, niceness })
      expect(codes(await pool.run(request))).toEqual(['ok', 'ok'])
      const [pid = 0] = pool.stats().pids
      process.kill(pid, 'SIGSTOP')
      const goesOn = setTimeout(() => isRunning(pid) && process.kill(pid, 'SIGCONT'), hardMs + 1_000)
      const outcomes = codes(await pool.run(request))
      clearTimeout(goesOn)
      return outcomes
    }
    const [urgent, background] = await Promise.all([starved(0), starved(10)])
    expect(urgent).toContain('timed-out')
    expect(background).toEqual(['ok', 'ok'])
  })

  it('kills what makes progress for ever, by the CPU that all its steps take together', async () => {
    // No step takes a second, all of them many; the soft and the hard limit have nothing to say.
    const effects = { median: 9, normalise: {}, modulate: { hue: 40 }, sharpen: { sigma: 10 } }
    const stages = [effects, effects, effects, { ...effects, resize: { width: 1600 } }]
    const request = await requestFor(await whiteNoise({ width: 2000, height: 1500 }), [{ stages, formats: ['jpeg'] }])
    const started = performance.now()
    const [free] = await openPool().run(request)
    expect(free).toMatchObject({ ok: true })
    const spent = free?.ok ? free.cpuMs : 0
    const pool = openPool({ softMs: 60_000, hardMs: Math.floor(spent / 4) })
    const [outcome] = await pool.run(request)
    expect(outcome).toMatchObject({ ok: false, code: 'timed-out', retryable: true, blamed: true })
    expect(performance.now() - started).toBeLessThan(60_000)
    const after = await requestFor(await photo({ width: 64, height: 48 }), [small])
    expect(codes(await pool.run(after))).toEqual(['ok', 'ok'])
  }, 90_000)

  it('a process that outgrows its memory is gone and says why', async () => {
    // Node and libvips take some 100 MB; 6 MP of noise as lossless WebP takes several times that.
    const pool = openPool({ memoryBytes: 260 * 1024 ** 2 })
    const noise = await whiteNoise({ width: 3000, height: 2000 })
    const request = await requestFor(noise, [{ formats: [{ format: 'webp', lossless: true, effort: 6 }] }])
    expect(await pool.run(request)).toEqual([
      expect.objectContaining({ ok: false, code: 'memory-exceeded', retryable: true, blamed: true }),
    ])
    const after = await requestFor(await photo({ width: 64, height: 48 }), [small])
    expect(codes(await pool.run(after))).toEqual(['ok', 'ok'])
  })

  it('does not fall with a sibling', async () => {
    const pool = openPool({ size: 2 })
    const fine = await requestFor(await photo({ width: 300, height: 200 }), [small])
    const heavy = await requestFor(await whiteNoise({ width: 1200, height: 900 }), [slow])
    const cancel = new AbortController()
    const stuck = pool.run({ ...heavy, signal: cancel.signal })
    for (let round = 0; round < 3; round++) expect(codes(await pool.run(fine))).toEqual(['ok', 'ok'])
    const victim = pool.stats()
    expect(victim.busy).toBe(1)
    cancel.abort()
    expect(codes(await stuck)).toEqual(['cancelled'])
    expect(codes(await pool.run(fine))).toEqual(['ok', 'ok'])
  })

  it('cancels what waits and what runs, and blames nobody', async () => {
    const pool = openPool()
    const heavy = await requestFor(await whiteNoise({ width: 1200, height: 900 }), [slow])
    const [first, second] = [new AbortController(), new AbortController()]
    const running = pool.run({ ...heavy, signal: first.signal })
    const waiting = pool.run({ ...heavy, signal: second.signal })
    expect(pool.stats()).toMatchObject({ busy: 1, waiting: 1 })
    second.abort()
    const expected = [expect.objectContaining({ code: 'cancelled', retryable: true, blamed: false })]
    expect(await waiting).toEqual(expected)
    first.abort()
    expect(await running).toEqual(expected)
    expect(await pool.run({ ...heavy, signal: AbortSignal.abort() })).toEqual(expected)
  })

  it('is as wide as it was told, and refuses beyond its queue', async () => {
    const pool = openPool({ size: 2, queueLimit: 1 })
    const request = await requestFor(await photo({ width: 300, height: 200 }), [small])
    const runs = Array.from({ length: 4 }, () => pool.run(request))
    await expect(runs[3]).rejects.toMatchObject({ code: 'overloaded', retryable: true })
    expect(pool.stats()).toMatchObject({ busy: 2, waiting: 1 })
    for (const outcomes of await Promise.all(runs.slice(0, 3))) expect(codes(outcomes)).toEqual(['ok', 'ok'])
  })

  it('replaces a process after so many originals', async () => {
    const pool = openPool({ recycleAfter: 2 })
    const request = await requestFor(await photo({ width: 64, height: 48 }), [small])
    const pids: number[] = []
    for (let round = 0; round < 4; round++) {
      const running = pool.run(request)
      pids.push(await until('a process has it', () => pool.stats().pids[0]))
      await running
    }
    expect(pids[1]).toBe(pids[0])
    expect(pids[3]).toBe(pids[2])
    expect(pids[2]).not.toBe(pids[0])
  })

  it('leaves no process behind when it closes, and takes nothing more', async () => {
    const pool = openPool({ size: 2 })
    const request = await requestFor(await photo({ width: 64, height: 48 }), [small])
    await pool.run(request)
    const heavy = await requestFor(await whiteNoise({ width: 1200, height: 900 }), [slow])
    const running = [pool.run(heavy), pool.run(heavy), pool.run(heavy)]
    const { pids } = pool.stats()
    expect(pids).toHaveLength(2)
    await pool.close()
    for (const outcomes of await Promise.all(running)) expect(codes(outcomes)).toEqual(['cancelled'])
    expect(pids.filter(isRunning)).toEqual([])
    await expect(pool.run(request)).rejects.toMatchObject({ code: 'overloaded' })
  })

  it('dies with its parent, even one that is killed', async () => {
    const parent = fork(fileURLToPath(new URL('../support/decode-parent.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx'],
    })
    const pid = await new Promise<number>(resolve => parent.once('message', message => resolve(message as number)))
    expect(isRunning(pid)).toBe(true)
    parent.kill('SIGKILL')
    await until('the orphan is gone', () => !isRunning(pid))
  })
})

/** True once the process has used so many milliseconds of CPU (proc(5): fields 14 and 15 of stat, in hundredths of a second). */
const busyFor = (pid: number, ms: number): boolean => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10 > 1000 + ms
}

describe('bytes', () => {
  const recipes = [
    { resize: { width: 40 }, formats: ['webp', 'jpeg'] },
    { resize: { width: 200 }, formats: ['png'] },
    { resize: { w: 30, h: 30, fit: 'cover', gravity: 'east' }, formats: ['jpeg'] },
    { crop: { width: 100, height: 90 }, resize: { width: 50 }, pad: { left: 3 }, formats: ['png'] },
    { formats: ['jpeg'] },
  ]

  it('do not depend on what else is asked for, nor on the order', async () => {
    const original = await photo({ width: 450, height: 300, orientation: 6 })
    const nodes = await planNodes(original, recipes)
    const alone = new Map<string, string>()
    for (const node of nodes) alone.set(node.key, (await execute(original, [node])).done.get(node.key)!.sha256)
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(nodes, { minLength: 1 }),
        fc.nat(3),
        async (subset: PlannedNode[], every) => {
          const { done } = await execute(original, subset, node => every > 0 && subset.indexOf(node) % every === 0)
          expect([...done.values()].map(({ id, sha256 }) => [id, sha256]).sort()).toEqual(
            subset.map(({ key }) => [key, alone.get(key)]).sort(),
          )
        },
      ),
      { numRuns: 25 },
    )
  })

  it('come last when they are deferred', async () => {
    const original = await photo({ width: 450, height: 300 })
    const nodes = await planNodes(original, recipes)
    const patient = nodes[0]!
    const { done } = await execute(original, nodes, node => node === patient)
    expect([...done.keys()].at(-1)).toBe(patient.key)
    expect(done.size).toBe(new Set(nodes.map(({ key }) => key)).size)
  })

  it('are made with each common prefix once', async () => {
    const nodes = await planNodes(await photo({ width: 450, height: 300 }), recipes)
    const tree = chainTree(nodes.map(({ key, chain }) => ({ id: key, chain })))
    const distinct = new Set(nodes.flatMap(({ keys }) => keys.slice(0, -1)))
    const count = (branches: ReturnType<typeof chainTree>): number =>
      branches.reduce((sum, branch) => sum + 1 + count(branch.branches), 0)
    expect(count(tree)).toBe(distinct.size)
  })
})
