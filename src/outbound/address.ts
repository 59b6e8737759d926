/**
 * Which addresses are anybody's: those of the public internet. Everything else leads to this machine, into its network or past a
 * translator into either (IPv4 in IPv6), and is refused unless the configuration names it.
 */
import ipaddr from 'ipaddr.js'
import type { Reachable } from '../config/fetching.ts'
import { addressOf, openNetworks } from '../lib/network.ts'

/** Of IPv6 only this much is given out (IANA, IPv6 Global Unicast Address Assignments); the rest reads as unicast, too. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** By the registries of special-purpose addresses (RFC 6890); what carries an IPv4 address inside is none of it. */
export const isPublic = (address: string): boolean => {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_V6)
}

/** Whether a connection to the address may be made at all, whatever its name. */
export const openAddressCheck = ({ networks }: Pick<Reachable, 'networks'>): ((address: string) => boolean) => {
  const isNamed = openNetworks(networks)
  return address => isPublic(address) || isNamed(addressOf(address) ?? '')
}
