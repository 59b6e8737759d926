/** What clients send, by what they are given of a rendition in AVIF, WebP and JPEG once every Accept is one of three. */
export const ACCEPTS = {
  'image/avif': [
    'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
    'image/avif',
    'IMAGE/AVIF;q=0.1, */*',
    'text/html, image/avif ;q=1.0,*/*',
    'image/avif;v=1;q=0.5,image/webp',
  ],
  'image/webp': [
    'image/webp,*/*',
    'image/webp;q=0.9,image/png',
    'image/avif;q=0,image/webp,*/*',
    'image/avif; q=0.000 ,image/webp',
    'image/avif-sequence,image/webp',
    'ximage/avif,image/webp,*/*',
  ],
  'image/jpeg': [
    '*/*',
    'image/*',
    '',
    'image/png;q=0.1',
    'application/json',
    'text/html',
    'image/webp;q=0,*/*',
    'image/webpx, image/jpeg',
    `${'x/y,'.repeat(400)}*/*`,
  ],
} as const
