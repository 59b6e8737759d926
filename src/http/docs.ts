/** The OpenAPI document as a page that works without a network and without scripts. */
interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly responses?: Readonly<Record<string, { readonly description?: string }>>
}

interface Document {
  readonly info: { readonly title: string; readonly description?: string }
  readonly paths?: Readonly<Record<string, object>>
}

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, char => `&#${char.charCodeAt(0)};`)

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h2{margin-top:2rem;border-bottom:1px solid #d5dbe3}code{font:13px ui-monospace,monospace}
details{border:1px solid #d5dbe3;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}
b{display:inline-block;min-width:4rem}td{padding:.1rem 1rem .1rem 0;vertical-align:top}`

export const renderPage = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style>${body}</html>`

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

const renderOperation = (
  method: string,
  path: string,
  { summary = '', description = '', responses = {} }: Operation,
): string => {
  const rows = Object.entries(responses).map(
    ([status, response]) => `<tr><td>${status}<td>${escapeHtml(response.description ?? '')}`,
  )
  return `<details><summary><b>${method.toUpperCase()}</b> <code>${escapeHtml(path)}</code> ${escapeHtml(summary)}</summary><p>${escapeHtml(description)}</p><table>${rows.join('')}</table></details>`
}

export const renderReference = (document: Document): string => {
  const byTag = new Map<string, string[]>()
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS) {
      const operation = (item as Record<string, Operation | undefined>)[method]
      if (!operation) continue
      const tag = operation.tags?.[0] ?? 'Other'
      byTag.set(tag, [...(byTag.get(tag) ?? []), renderOperation(method, path, operation)])
    }
  }
  const sections = [...byTag].map(([tag, operations]) => `<h2>${escapeHtml(tag)}</h2>${operations.join('')}`)
  const { title, description = '' } = document.info
  return renderPage(
    title,
    `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(description)} <a href="/openapi.json">openapi.json</a></p>${sections.join('')}`,
  )
}
