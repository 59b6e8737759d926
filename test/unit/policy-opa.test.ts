/** An agent over HTTP: what counts as a decision, and that nothing is allowed without one. */
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { breakerRow, RESILIENCE } from '../../src/config/resilience.ts'
import { type BreakerState, openBreaker } from '../../src/lib/breaker.ts'
import { isMatrixError, type MatrixError } from '../../src/model/errors.ts'
import type { PolicyEngine, PolicyInput } from '../../src/policy/engine.ts'
import { openOpa } from '../../src/policy/opa.ts'
import { startOpa } from '../support/opa.ts'

const INPUT: PolicyInput = {
  tenant: 'demo',
  principal: { kind: 'key', id: 'key_1', product: 'shop', scopes: ['resolve'] },
  action: 'resolve',
  product: 'shop',
  resource: { type: 'collection', id: 'photos' },
  context: { at: '2026-11-21T10:00:00.000Z', role: 'reader', rendition: null, client: null },
}

let opa: Awaited<ReturnType<typeof startOpa>>
let engine: PolicyEngine
let now = 0
let states: BreakerState[] = []
const breaker = (onChange: (state: BreakerState) => void = () => undefined) =>
  openBreaker({ ...breakerRow(RESILIENCE.breakerOpa.fallback ?? ''), now: () => now, onChange })
beforeEach(async () => {
  opa = await startOpa(() => true)
  now = Date.now()
  states = []
  engine = openOpa({
    url: opa.url,
    token: 'secret-of-the-agent',
    deadlineMs: 2_000,
    breaker: breaker(state => states.push(state)),
  })
})
afterEach(() => opa.close())

const failure = async (by = engine): Promise<MatrixError> => {
  const error = await Promise.resolve(by.object(INPUT)).then(
    told => new Error(`Expected no decision but received ${told}`),
    error => error,
  )
  if (!isMatrixError(error, 'dependency-unavailable')) throw error
  return error
}

test('is told the question as its input, with its token', async () => {
  expect(await engine.object(INPUT)).toEqual([])
  expect(opa.asked).toMatchObject([
    { input: INPUT, path: '/v1/data/matrix/authz', headers: { authorization: 'Bearer secret-of-the-agent' } },
  ])
})

describe('a decision', () => {
  test.each<[unknown, readonly string[]]>([
    [true, []],
    [{ allow: true }, []],
    [{ allow: true, reasons: ['whatever'] }, []],
    [false, ['denied']],
    [{ allow: false }, ['denied']],
    [{ allow: false, reasons: ['embargo', 'night'] }, ['embargo', 'night']],
    [{ allow: false, reasons: ['', 7, null] }, ['denied']],
    [{ allow: false, reasons: 'embargo' }, ['denied']],
    [{ allow: false, reasons: ['a\r\nSet-Cookie: b\u202e'] }, ['aSet-Cookie: b']],
    [undefined, ['undefined']],
  ])('%j: objections %j', async (result, objections) => {
    opa.decide(() => result)
    expect(await engine.object(INPUT)).toEqual(objections)
    expect(states).toEqual([])
  })

  test('reasons are bounded', async () => {
    opa.decide(() => ({ allow: false, reasons: Array.from({ length: 50 }, (_, i) => `${i}${'x'.repeat(500)}`) }))
    const told = await engine.object(INPUT)
    expect(told).toHaveLength(10)
    expect(Math.max(...told.map(({ length }) => length))).toBe(100)
  })
})

const answer = (status: number, body: string) => (response: ServerResponse) => {
  response.statusCode = status
  response.end(body)
}

describe('no decision, which allows nothing', () => {
  test.each<[string, (response: ServerResponse) => void]>([
    ['null', answer(200, 'null')],
    ['a text', answer(200, '{"result":"true"}')],
    ['a number', answer(200, '{"result":1}')],
    ['a list', answer(200, '{"result":[true]}')],
    ['null as a result', answer(200, '{"result":null}')],
    ['an allow that is no boolean', answer(200, '{"result":{"allow":"yes"}}')],
    ['no JSON', answer(200, '<html>')],
    ['an empty body', answer(200, '')],
    ['an error with a decision in it', answer(500, '{"result":true}')],
    ['nothing there', answer(404, '{"result":true}')],
    ['nothing allowed', answer(401, '{"result":true}')],
    [
      'another address',
      response => {
        response.writeHead(307, { Location: opa.url })
        response.end()
      },
    ],
    ['a connection that breaks', response => response.destroy()],
    [
      'half an answer',
      response => {
        response.writeHead(200, { 'Content-Length': '100' })
        response.write('{"result":true')
        response.destroy()
      },
    ],
    [
      'an answer without an end',
      response => {
        const more = (): void => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
          if (!response.destroyed) response.once('drain', more)
        }
        more()
      },
    ],
  ])('%s', async (_, misbehave) => {
    opa.misbehave(misbehave)
    const error = await failure()
    expect({ retryable: error.retryable, status: error.status }).toEqual({ retryable: true, status: 503 })
    expect(error.publicMessage).toBe('The policy engine gave no decision.')
  })

  test('one that does not come in time', async () => {
    opa.misbehave(() => undefined)
    const hasty = openOpa({
      url: opa.url,
      token: undefined,
      deadlineMs: 50,
      breaker: breaker(),
    })
    const before = performance.now()
    await failure(hasty)
    expect(performance.now() - before).toBeLessThan(2_000)
  })

  test('one whose body does not come in time', async () => {
    opa.misbehave(response => {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.write('{"result":')
    })
    await failure(openOpa({ url: opa.url, token: undefined, deadlineMs: 50, breaker: breaker() }))
  })

  test('nobody there', async () => {
    await opa.close()
    await failure()
  })
})

describe('the breaker', () => {
  const fail = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await failure()
  }

  test('leaves alone what fails, says so at once and when to come again, and tries it with three questions', async () => {
    opa.misbehave(answer(500, ''))
    await fail(5)
    expect(states).toEqual(['open'])
    opa.decide(() => true)
    const { length } = opa.asked
    expect((await failure()).retryAfterSeconds).toBe(5)
    now += 4_999
    expect((await failure()).retryAfterSeconds).toBe(1)
    expect(opa.asked).toHaveLength(length)
    now += 1
    for (let i = 0; i < 3; i++) expect(await engine.object(INPUT)).toEqual([])
    expect(states).toEqual(['open', 'half-open', 'closed'])
  })

  test('opens again on the first question that fails', async () => {
    opa.misbehave(answer(500, ''))
    await fail(5)
    now += 5_000
    await fail(1)
    expect(states).toEqual(['open', 'half-open', 'open'])
    const { length } = opa.asked
    await fail(3)
    expect(opa.asked).toHaveLength(length)
  })

  test('a refusal is a decision, not a failure', async () => {
    opa.decide(() => false)
    for (let i = 0; i < 20; i++) expect(await engine.object(INPUT)).toEqual(['denied'])
    expect(states).toEqual([])
  })
})
