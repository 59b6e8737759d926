/** What a process and its children cost, read from /proc (Linux): CPU in ticks of 10 ms, memory as the kernel counts it. */
import { readdirSync, readFileSync } from 'node:fs'

const TICK_MS = 10

interface Stat {
  readonly pid: number
  readonly parent: number
  readonly ownMs: number
  /** With children that ended and were waited for. */
  readonly withEndedMs: number
}

const readStat = (pid: number): Stat | undefined => {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined // it ended meanwhile
  }
  // The name may hold anything, so fields are counted from its closing bracket: proc_pid_stat(5).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = (...at: number[]): number => at.reduce((sum, index) => sum + Number(fields[index]), 0)
  return {
    pid,
    parent: Number(fields[1]),
    ownMs: ticks(11, 12) * TICK_MS,
    withEndedMs: ticks(11, 12, 13, 14) * TICK_MS,
  }
}

export const ownCpuMs = (pid: number): number => readStat(pid)?.ownMs ?? 0

/** The process and everything below it, ended children included. */
export const treeCpuMs = (root: number): number => {
  const stats = readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? (readStat(Number(name)) ?? []) : []))
  const inTree = new Set([root])
  for (let grown = -1; grown !== inTree.size; ) {
    grown = inTree.size
    for (const { pid, parent } of stats) if (inTree.has(parent)) inTree.add(pid)
  }
  return stats.filter(({ pid }) => inTree.has(pid)).reduce((sum, { withEndedMs }) => sum + withEndedMs, 0)
}

const memoryField = (pid: number, field: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024

export const residentBytes = (pid: number): number => memoryField(pid, 'VmRSS')
