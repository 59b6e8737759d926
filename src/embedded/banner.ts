/** What a person sees who started the whole system with one command. */
export interface BannerOptions {
  readonly address: string
  readonly seconds: number
  /** Shown once, when it was made. */
  readonly newAdminKey: string | undefined
  readonly adminKeyFile: string
  readonly demoKeysFile: string | undefined
  readonly parts: string
}

export const banner = ({ address, seconds, newAdminKey, adminKeyFile, demoKeysFile, parts }: BannerOptions): string => {
  const lines = [`Asset Matrix  ${address}  (ready in ${seconds.toFixed(1)} s; ${parts})`, '']
  lines.push(
    newAdminKey ? `Admin key, shown once: ${newAdminKey}` : `Admin key: ${adminKeyFile} (npx matrix keys admin)`,
  )
  if (newAdminKey) lines.push(`It is kept in ${adminKeyFile}; npx matrix keys admin prints it again.`)
  if (demoKeysFile) {
    lines.push(
      '',
      'Upload a picture, then fetch what the web shop shows of it:',
      '',
      `  SHOP=$(node -p "require('${demoKeysFile}')['shop-web']")`,
      `  ID=$(curl -s -H "Authorization: Bearer $SHOP" -H "Idempotency-Key: $RANDOM$RANDOM" --data-binary @photo.jpg '${address}/v1/assets?collection=product-photo' | node -p 'JSON.parse(require("fs").readFileSync(0)).asset')`,
      `  curl -sL -H "Authorization: Bearer $SHOP" -H 'Prefer: wait=10' -o card.jpg ${address}/v1/products/shop-web/assets/$ID/renditions/card`,
    )
  }
  lines.push('', `API reference: ${address}/docs    Stop: Ctrl-C`, '')
  return lines.join('\n')
}
