/** Files that are no images, each with what it is known by, and the ways in which a program may call itself a picture. */
export const DOCUMENTS: readonly { readonly name: string; readonly bytes: Buffer; readonly mediaType: string }[] = [
  { name: 'an archive', bytes: Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex'), mediaType: 'application/zip' },
  {
    name: 'a film',
    bytes: Buffer.concat([Buffer.from('00000018667479706d703432000000006d70343269736f6d', 'hex'), Buffer.alloc(64)]),
    mediaType: 'video/mp4',
  },
  { name: 'a PDF', bytes: Buffer.from('%PDF-1.7\n%âãÏÓ\n1 0 obj\nendobj\n%%EOF\n'), mediaType: 'application/pdf' },
  { name: 'text', bytes: Buffer.from('One line.\nAnother line.\n'), mediaType: 'application/octet-stream' },
  { name: 'HTML', bytes: Buffer.from('<html><script>alert(1)</script></html>'), mediaType: 'application/octet-stream' },
]

const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
const utf16be = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16()

export const SVG_DISGUISES: Readonly<Record<string, Buffer>> = {
  plain: Buffer.from(SVG),
  'behind white space': Buffer.from(`\r\n\t  ${SVG}`),
  'with a prolog': Buffer.from(`<?xml version="1.0"?>\n${SVG}`),
  'with a mark': Buffer.from(`\ufeff${SVG}`),
  'with a doctype': Buffer.from(`<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x/svg11.dtd">${SVG}`),
  'with entities': Buffer.from(
    `<!DOCTYPE x SYSTEM "a>b" [<!ENTITY a "]>"><!ENTITY xxe SYSTEM "file:///etc/passwd">]>${SVG}`,
  ),
  'with a comment': Buffer.from(`<!-- a photograph -->${SVG}`),
  'with a style sheet': Buffer.from(`<?xml-stylesheet href="x.css"?>${SVG}`),
  'behind a long comment': Buffer.from(`<!-- ${'<p> '.repeat(20_000)} -->${SVG}`),
  'behind a long instruction': Buffer.from(`<?x ${'y'.repeat(80_000)}?>${SVG}`),
  'in a name space': Buffer.from('<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:script>alert(1)</s:script></s:svg>'),
  'in capitals': Buffer.from(SVG.replace('<svg', '<SVG')),
  'empty element': Buffer.from('<svg/>'),
  'in UTF-16, little end first': Buffer.from(`\ufeff<?xml version="1.0" encoding="utf-16"?>${SVG}`, 'utf16le'),
  'in UTF-16, big end first': utf16be(`\ufeff${SVG}`),
  'in UTF-16 without a mark': Buffer.from(SVG, 'utf16le'),
  'a bomb of uses': Buffer.from(`<svg><g id="a"/>${'<use href="#a"/>'.repeat(1000)}</svg>`),
}
