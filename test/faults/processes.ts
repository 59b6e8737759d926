import { readdirSync, readFileSync } from 'node:fs'

/** Children of a process, from /proc; with `named`, those whose command line says so. */
export const childrenOf = (parent: number, named = ''): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        const ppid = Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[1])
        return ppid === parent && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(named)
      } catch {
        return false // it ended while we looked
      }
    })
