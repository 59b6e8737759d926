/** Where a point of a picture is after steps have cut, turned and widened it. */
import type { Point } from '../model/focal.ts'
import type { Params, Step } from '../model/recipe.ts'

interface Size {
  readonly width: number
  readonly height: number
}
/** In pixels, of a picture of this size. */
type Placed = Size & { readonly left: number; readonly top: number }

const number = (params: Params, name: string): number => Number(params[name] ?? 0)
const clamp = (share: number): number => Math.min(1, Math.max(0, share))

/** Clockwise about the middle, which stays the middle. */
const turned = ({ left, top, width, height }: Placed, params: Params): Placed => {
  const [to, angle] = [{ width: number(params, 'width'), height: number(params, 'height') }, number(params, 'angle')]
  const radians = (angle * Math.PI) / 180
  const [sine, cosine] = [Math.sin(radians), Math.cos(radians)]
  const [x, y] = [left - width / 2, top - height / 2]
  return { ...to, left: to.width / 2 + x * cosine - y * sine, top: to.height / 2 + x * sine + y * cosine }
}

/** `undefined`: only the pixels know. */
const after = (at: Placed, { op, params }: Step): Placed | undefined => {
  if (params.late !== undefined || op === 'trim') return undefined
  const { left, top, width, height } = at
  if (op === 'resize') {
    const to = { width: number(params, 'width'), height: number(params, 'height') }
    return { ...to, left: (left * to.width) / width, top: (top * to.height) / height }
  }
  if (op === 'crop') {
    if (params.left === undefined) return undefined
    const to = { width: number(params, 'width'), height: number(params, 'height') }
    return { ...to, left: left - number(params, 'left'), top: top - number(params, 'top') }
  }
  if (op === 'pad') {
    const [across, down] = [
      number(params, 'left') + number(params, 'right'),
      number(params, 'top') + number(params, 'bottom'),
    ]
    return {
      width: width + across,
      height: height + down,
      left: left + number(params, 'left'),
      top: top + number(params, 'top'),
    }
  }
  if (op === 'flip')
    return { ...at, ...(params.axis === 'horizontal' ? { left: width - left } : { top: height - top }) }
  return op === 'rotate' ? turned(at, params) : at
}

/** One that has been cut away is at the edge it went over. */
export const follow = (point: Point, { width, height }: Size, steps: readonly Step[]): Point | undefined => {
  const start: Placed | undefined = { width, height, left: point.x * width, top: point.y * height }
  const end = steps.reduce<Placed | undefined>((at, step) => at && after(at, step), start)
  return end && { x: clamp(end.left / end.width), y: clamp(end.top / end.height) }
}
