/** Addresses and networks of the internet protocol, in one spelling each. */
import { BlockList, isIP, SocketAddress } from 'node:net'

/** An IPv4 address that an IPv6 socket shows as `::ffff:192.0.2.1`. */
const MAPPED = '::ffff:'

/** The address in its canonical text (RFC 5952), without a port or a zone; IPv4 behind IPv6 is IPv4. `undefined`: it is none. */
export const addressOf = (text: string): string | undefined => {
  const [, inBrackets, beforePort] = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(text) ?? []
  const [bare = ''] = (inBrackets ?? beforePort ?? text).split('%')
  const family = isIP(bare)
  if (family === 4) return bare
  if (family === 0) return undefined
  const { address } = new SocketAddress({ address: bare, family: 'ipv6' })
  const rest = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : ''
  return isIP(rest) === 4 ? rest : address
}

export interface Network {
  readonly address: string
  readonly prefix: number
}

/** `192.0.2.0/24`, `2001:db8::/32`, or one address. `undefined`: it is none. */
export const networkOf = (text: string): Network | undefined => {
  const [, base = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = isIP(base) === 0 ? undefined : addressOf(base)
  if (address === undefined) return undefined
  const widest = isIP(address) === 4 ? 32 : 128
  const prefix = length === undefined ? widest : Number(length) - (isIP(base) === 6 && widest === 32 ? 96 : 0)
  return prefix >= 0 && prefix <= widest ? { address, prefix } : undefined
}

/** Whether an address (as `addressOf` gives it) lies in one of the networks. Made once: a look costs 2 us, making it 5 a network. */
export const openNetworks = (networks: readonly Network[]): ((address: string) => boolean) => {
  if (networks.length === 0) return () => false
  const list = new BlockList()
  for (const { address, prefix } of networks) list.addSubnet(address, prefix, familyOf(address))
  return address => isIP(address) !== 0 && list.check(address, familyOf(address))
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 4 ? 'ipv4' : 'ipv6')

/** What one subscriber has: an IPv4 address, or the 2^64 addresses of an IPv6 network of 64 bits. For an address as `addressOf` gives it. */
export const subscriberOf = (address: string): string => {
  if (isIP(address) !== 6) return address
  const [head = '', tail] = address.split('::')
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'))
  const [front, back] = [groups(head), groups(tail ?? '')]
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length
  const all = [...front, ...Array<string>(zeros).fill('0'), ...back]
  return `${all.slice(0, 4).join(':')}::/64`
}
