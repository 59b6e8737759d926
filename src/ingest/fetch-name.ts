const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment // a percent sign that is one
  }
}

/** What a file is called at the end of a URL: the last segment of its path. */
export const nameInUrl = ({ pathname }: URL): string => decoded(pathname.slice(pathname.lastIndexOf('/') + 1))
