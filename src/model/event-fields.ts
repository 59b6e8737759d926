/** What events are made of. */
import { z } from 'zod'

export const asset = z.uuid()
export const version = z.int().positive()
export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/)
export const time = z.iso.datetime()
export const size = z.int().nonnegative()
