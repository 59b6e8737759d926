/** What kind of machine this is: processes on machines of one class do the same work in about the same time. */
import { arch, cpus } from 'node:os'

export const machineClass = (): string => `${arch()} ${cpus()[0]?.model.trim() || 'unknown'}`.slice(0, 200)
