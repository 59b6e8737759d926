import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { openClientAddress } from '../../src/http/client-address.ts'
import { addressOf, type Network, networkOf, openNetworks } from '../../src/lib/network.ts'

describe('an address has one spelling', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:80', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::1', '::1'],
  ])('%s', (text, address) => expect(addressOf(text)).toBe(address))

  test.each([
    '',
    'unknown',
    '_hidden',
    '010.0.0.1',
    '1.2.3',
    '2130706433',
    '0x7f.1',
    '1.2.3.4.5',
    '::1::',
    '1.2.3.4, 5.6.7.8',
  ])('and %j is none', text => expect(addressOf(text)).toBeUndefined())
})

const networks = (...texts: string[]): Network[] =>
  texts.map(text => {
    const network = networkOf(text)
    if (!network) throw new Error(`Expected ${text} to be a network`)
    return network
  })

describe('a network', () => {
  test.each([
    '10.0.0.0/33',
    '2001:db8::/129',
    '10.0.0.0/',
    '/8',
    'x/8',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::ffff:10.0.0.0/90',
    '',
  ])('%j is none', text => expect(networkOf(text)).toBeUndefined())

  test('holds its addresses and no others, of its own family only', () => {
    const inside = openNetworks(networks('10.0.0.0/8', '2001:db8::/32', '192.0.2.7', '::ffff:203.0.113.0/120'))
    for (const address of ['10.0.0.0', '10.255.255.255', '2001:db8:ffff::1', '192.0.2.7', '203.0.113.9'])
      expect(inside(address), address).toBe(true)
    for (const address of ['11.0.0.0', '192.0.2.8', '2001:db9::', '::1', '203.0.114.0', 'nonsense', ''])
      expect(inside(address), address).toBe(false)
    expect(openNetworks([])('10.0.0.1')).toBe(false)
  })
})

describe('the client', () => {
  const PROXIES = networks('10.0.0.0/8', '2001:db8:1::/48')
  const seen = (peer: string | undefined, forwarded?: string, proxies = PROXIES) =>
    openClientAddress(proxies).ofMessage({
      socket: { remoteAddress: peer } as never,
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    })

  test.each([
    ['a peer that is no proxy is believed nothing', '198.51.100.1', '203.0.113.9', '198.51.100.1'],
    ['a proxy that says nothing is the client', '10.0.0.1', undefined, '10.0.0.1'],
    ['what a proxy wrote is the client', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['what the client wrote before it is not', '10.0.0.1', '127.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['of several proxies the first', '10.0.0.1', '1.1.1.1, 203.0.113.9, 10.9.9.9,  2001:db8:1::5', '203.0.113.9'],
    ['where all are proxies the left-most', '10.0.0.1', '10.1.1.1, 10.2.2.2', '10.1.1.1'],
    ['nobody sees further than what he can read', '10.0.0.1', '203.0.113.9, unknown, 10.2.2.2', '10.2.2.2'],
    ['an empty entry is unreadable', '10.0.0.1', '203.0.113.9,', '10.0.0.1'],
    ['a proxy seen by an IPv6 socket is the same', '::ffff:10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['ports and brackets are left out', '10.0.0.1', '[2001:db8::9]:55', '2001:db8::9'],
    ['inside of the process there is none', undefined, '203.0.113.9', undefined],
  ])('%s', (_what, peer, forwarded, client) => expect(seen(peer, forwarded)).toBe(client))

  test('without trusted proxies is the peer, whatever is written', () => {
    expect(seen('10.0.0.1', '203.0.113.9', [])).toBe('10.0.0.1')
  })

  test('is read from a socket, of several headers as of one', async () => {
    const { ofMessage } = openClientAddress(networks('127.0.0.0/8'))
    const server = createServer((incoming, outgoing) => outgoing.end(ofMessage(incoming)))
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const told = await new Promise<string>((resolve, reject) => {
      const { port } = server.address() as AddressInfo
      const headers = {
        'X-Forwarded-For': ['1.1.1.1', '203.0.113.9'],
        'X-Real-IP': '2.2.2.2',
        Forwarded: 'for=3.3.3.3',
      }
      request({ port, host: '127.0.0.1', headers }, response => {
        let text = ''
        response.on('data', chunk => (text += chunk)).on('end', () => resolve(text))
      })
        .on('error', reject)
        .end()
    })
    server.close()
    expect(told).toBe('203.0.113.9')
  })
})
