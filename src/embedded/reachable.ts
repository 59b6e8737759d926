/** From an address listened on to one that programs on this machine reach: all addresses are not an address. */
export const reachable = (address: string): string =>
  address.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
