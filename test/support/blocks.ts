/** Metadata as programs write it into a JPEG, built here so that every byte of it is known. */
import { createHash } from 'node:crypto'

const segment = (marker: number, body: Buffer): Buffer => {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(body.length + 2, 2)
  return Buffer.concat([head, body])
}

/** Datasets of IIM: `[record, dataset, value]`. */
export const iim = (datasets: readonly (readonly [number, number, string | Buffer])[]): Buffer =>
  Buffer.concat(
    datasets.map(([record, dataset, given]) => {
      const value = Buffer.from(given as string)
      const head = Buffer.from([0x1c, record, dataset, 0, 0])
      head.writeUInt16BE(value.length, 3)
      return Buffer.concat([head, value])
    }),
  )
export const IIM_UTF8 = [1, 90, '\x1b%G'] as const

const resource = (id: number, body: Buffer): Buffer => {
  const head = Buffer.from('8BIM\0\0\0\0\0\0\0\0', 'latin1')
  head.writeUInt16BE(id, 4)
  head.writeUInt32BE(body.length, 8)
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)])
}

/** As Photoshop has it; `digest`: noted of these bytes, or of others. */
export const photoshop = (datasets: Buffer, digest?: 'fits' | 'stale'): Buffer => {
  const md5 = createHash('md5')
    .update(datasets)
    .update(digest === 'stale' ? 'before' : '')
    .digest()
  const resources = [resource(0x0404, datasets), ...(digest ? [resource(0x0425, md5)] : [])]
  return Buffer.concat([Buffer.from('Photoshop 3.0\0', 'latin1'), ...resources])
}

const NAMESPACES = {
  dc: 'http://purl.org/dc/elements/1.1/',
  photoshop: 'http://ns.adobe.com/photoshop/1.0/',
  xmp: 'http://ns.adobe.com/xap/1.0/',
  xmpRights: 'http://ns.adobe.com/xap/1.0/rights/',
  Iptc4xmpCore: 'http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/',
  tiff: 'http://ns.adobe.com/tiff/1.0/',
  exif: 'http://ns.adobe.com/exif/1.0/',
}

/** A packet with these properties, each as XML of its own. */
export const packet = (properties: string, front = ''): Buffer => {
  const namespaces = Object.entries(NAMESPACES).map(([prefix, uri]) => `xmlns:${prefix}="${uri}"`)
  return Buffer.from(
    `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>${front}<x:xmpmeta xmlns:x="adobe:ns:meta/">` +
      `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" ${namespaces.join(' ')}>` +
      `${properties}</rdf:Description></rdf:RDF></x:xmpmeta>${' '.repeat(100)}<?xpacket end="w"?>`,
  )
}

/** In the segments in which readers of JPEG look for them. */
export const withBlocks = (jpeg: Buffer, blocks: { exif?: Buffer; iptc?: Buffer; xmp?: Buffer }): Buffer => {
  const { exif, iptc, xmp } = blocks
  const segments = [
    ...(exif
      ? [
          segment(
            0xe1,
            exif.subarray(0, 6).toString('latin1') === 'Exif\0\0'
              ? exif
              : Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exif]),
          ),
        ]
      : []),
    ...(xmp ? [segment(0xe1, Buffer.concat([Buffer.from('http://ns.adobe.com/xap/1.0/\0', 'latin1'), xmp]))] : []),
    ...(iptc ? [segment(0xed, iptc)] : []),
  ]
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)])
}
