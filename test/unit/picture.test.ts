/** `<picture>` as text: what goes in as a value never comes out as markup. */
import { describe, expect, test } from 'vitest'
import { type PictureDocument, pictureHtml, pictureOf } from '../../src/sdk/index.ts'

const img = { src: '/b.jpg', width: 800, height: 600 }

/** Elements and attributes as a browser would read them, of text without comments and entities that we do not write. */
const read = (html: string): readonly { name: string; attributes: Readonly<Record<string, string>> }[] =>
  [...html.matchAll(/<([a-z]+)((?: [a-z-]+="[^"]*")*)>/g)].map(([, name = '', rest = '']) => ({
    name,
    attributes: Object.fromEntries(
      [...rest.matchAll(/ ([a-z-]+)="([^"]*)"/g)].map(([, key, value = '']) => [
        key,
        value
          .replaceAll('&lt;', '<')
          .replaceAll('&gt;', '>')
          .replaceAll('&quot;', '"')
          .replaceAll('&#39;', "'")
          .replaceAll('&amp;', '&'),
      ]),
    ),
  }))

describe('pictureHtml', () => {
  test('has sources in their order, then the image with its size', () => {
    const sources = [
      { type: 'image/avif', srcset: '/a.avif 400w, /b.avif 800w', sizes: '50vw' },
      { type: 'image/jpeg', srcset: '/b.jpg' },
    ]
    expect(pictureHtml({ sources, img: { ...img, alt: 'A chair' }, colour: '#4a6b8c' })).toBe(
      '<picture><source type="image/avif" srcset="/a.avif 400w, /b.avif 800w" sizes="50vw"><source type="image/jpeg" srcset="/b.jpg">' +
        '<img src="/b.jpg" width="800" height="600" alt="A chair" loading="lazy" decoding="async" style="background-color:#4a6b8c"></picture>',
    )
  })

  test('has an alt, be it empty, and no style without a colour that is one', () => {
    for (const colour of [undefined, 'red;background:url(//evil)']) {
      const [image] = read(pictureHtml({ sources: [], img, colour })).filter(({ name }) => name === 'img')
      expect(image?.attributes).toEqual({
        src: '/b.jpg',
        width: '800',
        height: '600',
        alt: '',
        loading: 'lazy',
        decoding: 'async',
      })
    }
  })

  test('takes sizes for sources of widths, and leaves those of one URL alone', () => {
    const sources = [{ srcset: '/a 400w, /b 800w', sizes: '50vw' }, { srcset: '/one.jpg' }]
    const rows = read(pictureHtml({ sources, img, sizes: '10vw' })).filter(({ name }) => name === 'source')
    expect(rows.map(({ attributes }) => attributes.sizes)).toEqual(['10vw', undefined])
  })

  test.each([
    '"><script>alert(1)</script>',
    "' onerror=alert(1) x='",
    '</picture><img src=x onerror=alert(1)>',
    '&quot;&lt;&amp;',
    'a & b',
  ])('%s stays a value, wherever it is', text => {
    const html = pictureHtml({
      sources: [{ type: text, srcset: `${text} 400w, x 800w`, sizes: text }],
      img: { ...img, src: text, alt: text },
      class: text,
      id: text,
    })
    const elements = read(html)
    expect(elements.map(({ name }) => name)).toEqual(['picture', 'source', 'img'])
    expect(html.replace(/<[a-z]+(?: [a-z-]+="[^"<>]*")*>|<\/picture>/g, '')).toBe('')
    expect(elements[1]?.attributes).toEqual({ type: text, srcset: `${text} 400w, x 800w`, sizes: text })
    expect(elements[2]?.attributes).toMatchObject({ src: text, alt: text, class: text, id: text })
  })
})

describe('pictureOf', () => {
  const document: PictureDocument = {
    sources: [{ type: 'image/jpeg', srcset: '/a.jpg 400w, /b.jpg 800w', sizes: '50vw' }],
    img: { ...img, alt: 'Chair' },
    placeholder: { colour: '#4a6b8c' },
  }

  test('is the element of a document, with what the page says of its own', () => {
    const [, source, image] = read(
      pictureOf(document, { alt: 'Stuhl', class: 'hero', loading: 'eager', fetchpriority: 'high', placeholder: false }),
    )
    expect(source?.attributes.sizes).toBe('50vw')
    expect(image?.attributes).toMatchObject({ alt: 'Stuhl', class: 'hero', loading: 'eager', fetchpriority: 'high' })
    expect(image?.attributes).not.toHaveProperty('style')
    expect(read(pictureOf(document))[2]?.attributes).toMatchObject({ alt: 'Chair', style: 'background-color:#4a6b8c' })
  })

  test('of what is pending there is none', () => {
    expect(() => pictureOf({ sources: [] })).toThrow(TypeError)
  })
})
