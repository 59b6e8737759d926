/**
 * Whether this build of the engine may make what the keys of its line promise. A patch release of a codec may change bytes
 * without a word; so the first build of a line registers itself, and any other waits until somebody has decided that it belongs.
 */
import { arch } from 'node:process'
import sharp from 'sharp'
import { ENGINE_LINE, engineFingerprint } from '../graph/key.ts'
import type { Database } from '../manifest/database.ts'
import { admitBuild, listBuilds } from '../manifest/engines.ts'
import type { EngineBuild, EngineParts } from '../model/engine.ts'
import { refuse } from '../model/errors.ts'

export interface EngineHere {
  readonly line: string
  readonly fingerprint: string
  readonly parts: EngineParts
}

export const engineHere = (parts: EngineParts = { ...sharp.versions, arch }): EngineHere => ({
  line: ENGINE_LINE,
  fingerprint: engineFingerprint(parts),
  parts,
})

/** `vips 8.18.1 -> 8.18.2`, for each that is another. */
const changesOf = (before: EngineParts, now: EngineParts): string =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter(name => before[name] !== now[name])
    .map(name => `${name} ${before[name] ?? 'none'} -> ${now[name] ?? 'none'}`)
    .join(', ')

const lastRegistered = (builds: readonly EngineBuild[], line: string): EngineBuild | undefined =>
  builds
    .filter(build => build.line === line && build.registeredAt !== null)
    .reduce<EngineBuild | undefined>(
      (last, build) => (last && Number(last.registeredAt) >= Number(build.registeredAt) ? last : build),
      undefined,
    )

/** Rejects with `conflict`, saying what is another and what to do, where the build is not registered. */
export const admitEngine = async (database: Database, engine: EngineHere): Promise<void> => {
  const { line, fingerprint, parts } = engine
  if ((await admitBuild(database, engine)).registeredAt !== null) return
  const before = lastRegistered(await listBuilds(database), line)
  throw refuse(
    'conflict',
    `This worker's engine is not registered for line ${line} (${changesOf(before?.parts ?? {}, parts)}). Nothing is transformed by it until ` +
      `\`matrix engine register ${fingerprint}\`; where its pictures differ, it needs a new line: see docs/engine-upgrades.md.`,
  )
}
