/** A JSON document that a command is given as a file, or on standard input. */
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { CliFailure } from './failure.ts'

/** Throws a failure of usage for what is not there and what is not JSON. */
export const readDocument = async (file: string): Promise<object> => {
  const content =
    file === '-'
      ? await text(process.stdin)
      : await readFile(file, 'utf8').catch(() => {
          throw new CliFailure(2, 'no-file', `There is no file ${file}.`)
        })
  try {
    return JSON.parse(content) as object
  } catch {
    throw new CliFailure(2, 'no-json', `${file} is not JSON.`)
  }
}
