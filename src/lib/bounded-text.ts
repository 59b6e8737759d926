/**
 * The body of an answer as text, bounded after decompression: `undefined` for one that is longer than what is read. What is left of
 * it is given up with its connection.
 */
export const boundedText = async (response: Response, mostBytes: number): Promise<string | undefined> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > mostBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
