/** Next builds nothing without a page. */
export default function Page() {
  return null
}
