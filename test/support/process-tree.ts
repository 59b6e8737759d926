/** Which processes live below one, so that a test can tell that none was left behind. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const descendantsOf = async (root: number): Promise<number[]> => {
  const { stdout } = await run('ps', ['-e', '-o', 'pid=,ppid='])
  const children = new Map<number, number[]>()
  for (const line of stdout.trim().split('\n')) {
    const [pid = 0, parent = 0] = line.trim().split(/\s+/).map(Number)
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const below = (pid: number): number[] => (children.get(pid) ?? []).flatMap(child => [child, ...below(child)])
  return below(root)
}

/** Zombies count as gone: who should have collected them may be gone too. */
export const living = async (pids: readonly number[]): Promise<number[]> => {
  if (pids.length === 0) return []
  const { stdout } = await run('ps', ['-o', 'pid=,stat=', '-p', pids.join(',')]).catch(() => ({ stdout: '' }))
  return stdout
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([pid, stat]) => pid && !stat?.startsWith('Z'))
    .map(([pid]) => Number(pid))
}
