import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import type { Command } from 'commander'
import { TusRefusal, tusUpload } from '../../lib/tus-client.ts'
import { openBar } from '../bar.ts'
import { findBegun } from '../begun-uploads.ts'
import { type GlobalOptions, optionsOf, print } from '../client.ts'
import { CliFailure } from '../failure.ts'
import { sha256Of, sizeOf } from '../file.ts'
import { sendDirect } from '../send-direct.ts'
import { findUrl, readAdminKey } from '../target.ts'
import { requireFiles, saidInText, type UploadWish, withUploadWish } from '../upload-wish.ts'
import { type Watched, watchVersion } from '../watch-version.ts'

interface Wish extends UploadWish {
  readonly direct: boolean
  readonly wait: boolean
}

interface Stored {
  readonly asset: string
  readonly version: number
  readonly digest: string
}

const refusalOf = ({ status, body, message }: TusRefusal): CliFailure => {
  if (status === 0) return new CliFailure(3, 'unreachable', `The gateway does not answer: ${message}`)
  const {
    code = `http-${status}`,
    detail = message,
    errors = [],
  } = JSON.parse(body.startsWith('{') ? body : '{}') as {
    code?: string
    detail?: string
    errors?: { pointer: string; message: string }[]
  }
  const places = errors.map(error => `\n  ${error.pointer}: ${error.message}`).join('')
  return new CliFailure(status >= 500 ? 3 : 1, code, `${code}: ${detail}${places}`)
}

const send = async (options: GlobalOptions, file: string, wish: Wish, signal: AbortSignal): Promise<Stored> => {
  const { collection, asset, publish } = wish
  const base = await findUrl(options)
  const key = options.key ?? (await readAdminKey(options.data))
  const bytes = await sizeOf(file)
  if (bytes === 0) throw new CliFailure(2, 'no-file', `${file} is empty.`)
  const sha256 = (await sha256Of(file)).toString('hex')
  const metadata = {
    ...(asset === undefined ? { collection } : { asset }),
    ...saidInText(wish),
    publish,
    filename: basename(file),
    sha256,
  }
  const begun = await findBegun(base, JSON.stringify(metadata))
  const bar = openBar({ label: basename(file), total: bytes, quiet: options.json })
  try {
    const headers = await tusUpload({
      endpoint: new URL('/v1/tus', base).href,
      headers: { Authorization: `Bearer ${key}` },
      metadata,
      source: { bytes, open: start => Readable.toWeb(createReadStream(file, { start })) as ReadableStream<Uint8Array> },
      url: begun.path && new URL(begun.path, base).href,
      onUrl: url => begun.remember(new URL(url).pathname),
      onProgress: sent => bar.at(sent),
      signal,
    })
    await begun.forget()
    const said = (name: string): string => headers.get(name) ?? ''
    return { asset: said('matrix-asset'), version: Number(said('matrix-version')), digest: said('matrix-digest') }
  } catch (error) {
    if (signal.aborted)
      throw new CliFailure(1, 'interrupted', 'Interrupted: the same command goes on where this ended.')
    if (!(error instanceof TusRefusal)) throw error
    const failure = refusalOf(error)
    if (failure.exitCode === 1) await begun.forget()
    throw failure
  } finally {
    bar.end()
  }
}

const watch = async (options: GlobalOptions, file: string, stored: Stored, signal: AbortSignal): Promise<Watched> => {
  let bar: ReturnType<typeof openBar> | undefined
  try {
    return await watchVersion(options, { ...stored, signal }, ({ required, done, dead }) => {
      bar ??= openBar({ label: basename(file), total: required, quiet: options.json || required === 0 }, renditions)
      bar.at(done + dead)
    })
  } catch (error) {
    if (!signal.aborted) throw error
    throw new CliFailure(
      1,
      'interrupted',
      `Interrupted: ${stored.asset} is stored, its renditions are made without us.`,
    )
  } finally {
    bar?.end()
  }
}
const renditions = (count: number): string => `${Math.round(count)} renditions`

const textOf = ({ asset, version, state, required, done, dead }: Stored & Partial<Watched>): string => {
  const made = required ? `  ${done} of ${required} renditions${dead ? `, ${dead} failed` : ''}` : ''
  return `${asset}  v${version}${state === undefined ? '' : `  ${state}`}${made}`
}

export const upload = (program: Command): void => {
  withUploadWish(program.command('upload'))
    .description(
      'Upload files so that a broken connection, a restarted gateway or Ctrl-C costs nothing: the same command goes on. Shows how far it is, then waits for the renditions.',
    )
    .argument('<files...>', 'what to upload, of any size that the gateway takes')
    .option(
      '--direct',
      'straight into the store, by presigned requests: the bytes do not go through the gateway',
      false,
    )
    .option('--no-wait', 'do not wait for renditions')
    .action(async (files: string[], wish: Wish, command: Command) => {
      const options = optionsOf(command)
      await requireFiles(files, wish)
      const failed: string[] = []
      const interrupt = new AbortController()
      process.once('SIGINT', () => interrupt.abort())
      for (const file of files) {
        const stored = await (wish.direct ? sendDirect : send)(options, file, wish, interrupt.signal)
        const watched = wish.wait ? await watch(options, file, stored, interrupt.signal) : undefined
        print(options, { file, ...stored, ...watched }, textOf)
        if (watched?.state === 'FAILED' || (watched?.dead ?? 0) > 0) failed.push(file)
      }
      if (failed.length > 0)
        throw new CliFailure(1, 'rendition-failed', `Not all renditions could be made of ${failed.join(', ')}.`)
    })
}
