import { productKeysPath, samplePhotoPath } from '../data-folder.ts'
import { reachable } from './reachable.ts'

/** What a person sees who started the whole system with one command. */
export interface BannerOptions {
  readonly address: string
  readonly seconds: number
  /** Shown once, when it was made. */
  readonly newAdminKey: string | undefined
  /** `undefined`: the key was given. */
  readonly adminKeyFile: string | undefined
  /** Absolute; `undefined`: there is no demo set. */
  readonly demoFolder: string | undefined
  readonly parts: readonly string[]
}

/** One word of a POSIX shell, whatever it contains. */
const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

/** Three lines for any POSIX shell with curl; pasted again they upload again. */
export const threeLines = (address: string, demoFolder: string): readonly string[] => [
  `SHOP=$(node -p 'require(process.argv[1])["shop-web"]' ${word(productKeysPath(demoFolder))})`,
  `ID=$(curl -sS -H "Authorization: Bearer $SHOP" -H "Idempotency-Key: $(date +%s)" --data-binary @${word(samplePhotoPath(demoFolder))} '${address}/v1/assets?collection=product-photo' | node -p 'JSON.parse(require("fs").readFileSync(0)).asset')`,
  `curl -sSL -H "Authorization: Bearer $SHOP" -H 'Prefer: wait=10' -o card.jpg ${address}/v1/products/shop-web/assets/$ID/renditions/card`,
]

export const banner = (options: BannerOptions): string => {
  const { seconds, newAdminKey, adminKeyFile, demoFolder, parts } = options
  const address = reachable(options.address)
  const lines = ['', `Asset Matrix is ready on ${address}  (${seconds.toFixed(1)} s; ${parts.join(', ')})`, '']
  if (newAdminKey)
    lines.push(
      `Admin key: ${newAdminKey}`,
      `           shown this once, kept in ${adminKeyFile}; npx matrix keys admin prints it again`,
    )
  else if (adminKeyFile) lines.push(`Admin key: in ${adminKeyFile}; npx matrix keys admin prints it`)
  if (demoFolder) {
    lines.push(
      '',
      'Upload a picture (put your own in place of the sample), then fetch what the web shop shows of it:',
      '',
    )
    lines.push(...threeLines(address, demoFolder).map(line => `  ${line}`), '')
  }
  lines.push(`API reference: ${address}/docs    Stop: Ctrl-C`, '', '')
  return lines.join('\n')
}
