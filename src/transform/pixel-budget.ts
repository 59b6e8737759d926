/** Bounds how much of something slow runs at once, by pixels. What is admitted finishes even if it exceeds the budget alone. */
export interface PixelBudget {
  isOpen(): boolean
  /** Takes pixels out; the result puts them back. */
  take(pixels: number): () => void
}

export const openPixelBudget = (budget: number): PixelBudget => {
  let taken = 0
  return {
    isOpen: () => taken < budget,
    take(pixels) {
      taken += pixels
      return () => {
        taken -= pixels
      }
    },
  }
}
