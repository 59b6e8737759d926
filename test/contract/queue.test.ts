import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type BullConsumerOptions,
  type HintQueueOptions,
  openHintQueue,
  ping,
  prepareQueue,
  startHintConsumer,
} from '../../src/queue/bullmq.ts'
import type { Hint, Lane } from '../../src/queue/queue.ts'
import { freshDatabase } from '../support/postgres.ts'
import type { ChildSays, ChildTask } from './queue-child.ts'
import { queueServers, type Server, signalAll } from './queue-servers.ts'

const hint = (lane: Lane = 'eager'): Hint => ({ tenant: 'acme', original: randomBytes(32).toString('hex'), lane })

/** A handler that stays in hand until it is let go. */
const gated = () => {
  let open = (): void => undefined
  const passed = new Promise<void>(resolve => {
    open = resolve
  })
  return { open: () => open(), passed }
}

describe.each(await queueServers())('hint queue $title', ({ available, serve }) => {
  describe.skipIf(!available)('contract', () => {
    let server: Server
    let name: string
    const closers: (() => Promise<void>)[] = []

    beforeAll(async () => {
      server = await serve()
      await Promise.all(Array.from({ length: 20 }, () => prepareQueue(server.backend)))
    })
    afterAll(() => server.remove())
    afterEach(async () => {
      await Promise.all(closers.splice(0).map(close => close()))
    })

    const fresh = (): void => {
      name = `q-${randomUUID()}`
    }
    const queue = (options: Partial<HintQueueOptions> = {}) => {
      const opened = openHintQueue({ backend: server.backend, name, deadlineMs: 5_000, ...options })
      closers.push(opened.close)
      return opened
    }
    const consume = (handle: BullConsumerOptions['handle'], options: Partial<BullConsumerOptions> = {}) => {
      const errors: unknown[] = []
      const consumer = startHintConsumer({
        backend: server.backend,
        name,
        concurrency: 4,
        handle,
        onError: error => errors.push(error),
        ...options,
      })
      closers.push(consumer.drain)
      return { ...consumer, errors }
    }
    const spawn = (act: ChildTask['act']) => {
      const task: ChildTask = { act, backend: server.backend, name }
      const child = fork(join(import.meta.dirname, 'queue-child.ts'), [JSON.stringify(task)], {
        execArgv: ['--import', 'tsx'],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      })
      closers.push(async () => void child.kill('SIGKILL'))
      return child
    }

    it('handles every hint that was offered', async () => {
      fresh()
      const hints = Array.from({ length: 200 }, (_, i) =>
        hint((['interactive', 'publish', 'eager', 'backfill'] as const)[i % 4]),
      )
      const seen = new Set<string>()
      consume(async ({ tenant, original, lane }) => void seen.add(`${tenant} ${original} ${lane}`))
      const { offer } = queue()
      await Promise.all(hints.map(offer))
      await expect.poll(() => seen.size, { timeout: 20_000 }).toBe(200)
      expect([...seen].sort()).toEqual(
        hints.map(({ tenant, original, lane }) => `${tenant} ${original} ${lane}`).sort(),
      )
    })

    it('keeps to the concurrency it was given', async () => {
      fresh()
      const gate = gated()
      let running = 0
      let most = 0
      let done = 0
      consume(
        async () => {
          most = Math.max(most, ++running)
          await gate.passed
          running--
          done++
        },
        { concurrency: 3 },
      )
      const { offer, depth } = queue()
      await Promise.all(Array.from({ length: 9 }, () => offer(hint())))
      await expect.poll(depth, { timeout: 10_000 }).toEqual({ waiting: 6, active: 3, delayed: 0, failed: 0 })
      gate.open()
      await expect.poll(() => done, { timeout: 10_000 }).toBe(9)
      expect(most).toBe(3)
    })

    it('takes the lanes in their order', async () => {
      fresh()
      const { offer } = queue()
      for (const lane of ['backfill', 'eager', 'interactive', 'publish', 'eager', 'interactive'] as const)
        await offer(hint(lane))
      const order: Lane[] = []
      consume(async ({ lane }) => void order.push(lane), { concurrency: 1 })
      await expect.poll(() => order.length, { timeout: 10_000 }).toBe(6)
      expect(order).toEqual(['interactive', 'interactive', 'publish', 'eager', 'eager', 'backfill'])
    })

    it('repeats a failing hint a bounded number of times and then gives it up', async () => {
      fresh()
      const { offer, depth } = queue({ attempts: 3, backoffMs: 20 })
      let calls = 0
      const { errors } = consume(async () => {
        calls++
        throw new Error('no such luck')
      })
      await offer(hint())
      await expect.poll(depth, { timeout: 10_000 }).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 1 })
      expect(calls).toBe(3)
      expect(errors.map(error => (error as Error).message)).toEqual(['no such luck', 'no such luck', 'no such luck'])
    })

    it('drains: the hint in hand is finished and no other is taken', async () => {
      fresh()
      const gate = gated()
      const log: string[] = []
      const { offer, depth } = queue()
      const { drain } = consume(
        async () => {
          log.push('begun')
          await gate.passed
          log.push('finished')
        },
        { concurrency: 1 },
      )
      await offer(hint())
      await expect.poll(() => log, { timeout: 10_000 }).toEqual(['begun'])
      await offer(hint())
      const drained = drain().then(() => log.push('drained'))
      expect(drain()).toBe(drain())
      gate.open()
      await drained
      expect(log).toEqual(['begun', 'finished', 'drained'])
      expect(await depth()).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })
    })

    it('handles an original again that was offered while it was in hand', async () => {
      fresh()
      const gate = gated()
      let calls = 0
      const one = hint('interactive')
      consume(async () => {
        if (++calls === 1) await gate.passed
      })
      const { offer } = queue()
      await offer(one)
      await expect.poll(() => calls, { timeout: 10_000 }).toBe(1)
      await offer(one)
      gate.open()
      await expect.poll(() => calls, { timeout: 10_000 }).toBe(2)
    })

    it('hands a hint to another process when its own was killed', async () => {
      fresh()
      const one = hint()
      const { offer, depth } = queue()
      const child = spawn('hold')
      await offer(one)
      expect(await said(child)).toEqual({ handling: one })
      child.kill('SIGKILL')
      const seen: Hint[] = []
      consume(async again => void seen.push(again), { lockMs: 1_000, stalledCheckMs: 500 })
      await expect.poll(() => seen, { timeout: 20_000 }).toEqual([one])
      await expect.poll(depth, { timeout: 10_000 }).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    describe('when the server goes and returns', () => {
      const faults = {
        stopped: { go: () => server.stop(), come: () => server.start() },
        killed: {
          go: async () => signalAll(server.pids(), 'SIGKILL'),
          come: async () => {
            await server.stop()
            await server.start()
          },
        },
        hung: {
          go: async () => signalAll(server.pids(), 'SIGSTOP'),
          come: async () => signalAll(server.pids(), 'SIGCONT'),
        },
      }

      it.each(['stopped', 'killed', 'hung'] as const)('%s: refuses in time, then both ends work again', async fault => {
        fresh()
        const { go, come } = faults[fault]
        const seen = new Set<string>()
        consume(async ({ original }) => void seen.add(original))
        const { offer } = queue({ deadlineMs: 300 })
        const handled = async (one: Hint) => {
          await vi.waitFor(() => offer(one), { timeout: 30_000, interval: 50 })
          await expect.poll(() => seen.has(one.original), { timeout: 30_000 }).toBe(true)
        }
        await handled(hint())
        await go()
        try {
          for (let i = 0; i < 3; i++) {
            const since = performance.now()
            await expect(offer(hint())).rejects.toMatchObject({ code: 'dependency-unavailable' })
            expect(performance.now() - since).toBeLessThan(1_500)
          }
          await expect(ping(server.backend, 300)).rejects.toMatchObject({ code: 'dependency-unavailable' })
        } finally {
          await come()
        }
        await handled(hint())
        await ping(server.backend, 5_000)
      })

      it('may come after both ends', async () => {
        fresh()
        await server.stop()
        let calls = 0
        consume(async () => void calls++)
        const { offer } = queue({ deadlineMs: 300 })
        await expect(offer(hint())).rejects.toMatchObject({ code: 'dependency-unavailable' })
        await server.start()
        await vi.waitFor(() => offer(hint()), { timeout: 30_000, interval: 50 })
        await expect.poll(() => calls, { timeout: 30_000 }).toBeGreaterThan(0)
      })

      it('forgets all it had: later hints are handled', async ({ skip }) => {
        fresh()
        if (server.flush === undefined) return skip('there is no FLUSHALL on Postgres')
        let calls = 0
        consume(async () => void calls++)
        const { offer } = queue()
        await offer(hint())
        await expect.poll(() => calls, { timeout: 10_000 }).toBe(1)
        await server.flush()
        await offer(hint())
        await expect.poll(() => calls, { timeout: 20_000 }).toBe(2)
      })

      it.each(['there', 'away', 'hung'] as const)(
        'a process that closes both ends ends by itself, silently, with the server %s',
        async where => {
          fresh()
          const { offer } = queue()
          const child = spawn('leave')
          let output = ''
          for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (output += chunk))
          const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
          await offer(hint())
          await said(child)
          if (where === 'away') await server.stop()
          if (where === 'hung') signalAll(server.pids(), 'SIGSTOP')
          child.send('end')
          const code = await ended
          if (where === 'hung') signalAll(server.pids(), 'SIGCONT')
          if (where === 'away') await server.start()
          expect({ code, output }).toEqual({ code: 0, output: '' })
        },
      )
    })
  })
})

describe('prepareQueue', () => {
  it('makes the tables once, however many do it at the same time; until then ping rejects', async () => {
    const { config, drop } = await freshDatabase()
    const backend = { kind: 'postgres', connection: config } as const
    try {
      await expect(ping(backend)).rejects.toMatchObject({ code: 'dependency-unavailable' })
      await Promise.all(Array.from({ length: 20 }, () => prepareQueue(backend)))
      await prepareQueue(backend)
      await ping(backend, 5_000)
    } finally {
      await drop()
    }
  })
})

const said = (child: ChildProcess): Promise<ChildSays> =>
  new Promise((resolve, reject) => {
    child.once('message', message => resolve(message as ChildSays))
    child.once('exit', code => reject(new Error(`Expected the child to speak but it ended with ${code}`)))
  })
