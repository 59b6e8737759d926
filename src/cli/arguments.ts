/** Parsers of option values: what cannot be meant is wrong usage and never reaches the gateway. */
import { InvalidArgumentError } from 'commander'

export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < min || number > max)
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
    return number
  }

/** Of a version. */
export const versionNumber = (text: string): number => {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError('Expected the number of a version.')
  return Number(text)
}

/** As RFC 3339 in UTC, which is what the API takes. */
export const timeOf = (text: string): string => {
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('Expected a time, RFC 3339.')
  return time.toISOString()
}
