/** The trail of a resolve: the same reads and the same decision, with their results written down instead of acted on. */
import { acceptableFormats } from '../deliver/negotiate.ts'
import { findAsset, findVersion } from '../manifest/assets.ts'
import type { Database } from '../manifest/database.ts'
import { type LeafState, leavesOfVersion } from '../manifest/leaves.ts'
import { findRendition } from '../manifest/renditions.ts'
import type { Principal } from '../model/principal.ts'
import type { Format } from '../model/recipe.ts'
import { type PermissionDependencies, permitOnAsset } from '../policy/permission.ts'

export interface ExplainQuestion {
  readonly principal: Principal
  readonly product: string
  readonly asset: string
  readonly rendition: string
  readonly format: Format | 'auto'
  readonly accept?: string | undefined
  readonly version?: number | undefined
  readonly address: (() => string | undefined) | undefined
}

export interface Explanation {
  readonly outcome: string
  readonly steps: { step: string; result: unknown }[]
  readonly text: string
}

/** Tells the caller only what its own product may know: without permission the trail ends where the answer would. */
export const explainResolution = async (
  dependencies: PermissionDependencies & { readonly database: Database },
  question: ExplainQuestion,
): Promise<Explanation> => {
  const { database } = dependencies
  const { principal, product, asset: assetId, rendition: name } = question
  const { tenant } = principal
  const steps: Explanation['steps'] = []
  const note = (step: string, result: unknown): void => void steps.push({ step, result })
  const end = (outcome: string): Explanation => ({ outcome, steps, text: render(question, steps, outcome) })

  note('identity', { [principal.kind]: principal.id, product: principal.product ?? null, scopes: principal.scopes })
  const asset = await findAsset(database, tenant, assetId)
  const action = name === 'original' ? 'original' : 'resolve'
  const { address } = question
  const {
    effect,
    rule,
    engines,
    question: asked,
  } = await permitOnAsset(dependencies, { principal, product, action, asset: assetId, rendition: name, address })
  if (!asset || effect === 'hide') {
    note('grant', { effect: 'hide' })
    return end('not-found')
  }
  note('collection', asset.collection)
  note('grant', { effect, rule, role: asked.edge?.role ?? null })
  for (const step of engines ?? []) note('policy engine', step)
  if (effect === 'forbid') return end('forbidden')
  if (asset.archivedAt) return end('asset-archived')
  const versionNo = question.version ?? asset.activeVersion
  note('pointer', {
    publication: asset.publication,
    active_version: asset.activeVersion ?? null,
    asked: question.version ?? 'current',
  })
  if (versionNo === undefined) return end('not-ready')
  const version = await findVersion(database, { tenantId: tenant, assetId, version: versionNo })
  if (!version) return end('not-found')
  note('version', {
    version: version.version,
    state: version.state,
    digest: version.sha256 && `sha256:${version.sha256}`,
  })
  if (name === 'original') return end('ready')
  const rendition = await findRendition(database, {
    tenantId: tenant,
    collectionId: asset.collection,
    productId: product,
    name,
  })
  if (!rendition) return end('not-found')
  note('rendition', {
    revision: rendition.revision,
    lane: rendition.lane,
    recipe_hash: `sha256:${rendition.recipeHash}`,
  })
  note('canonical recipe', rendition.recipe)
  const all = await leavesOfVersion(database, tenant, assetId, versionNo)
  const leaves = all.filter(
    leaf => leaf.product === product && leaf.rendition === name && leaf.revision === rendition.revision,
  )
  const formats = rendition.recipe.outputs.map(output => output.format)
  note('format', {
    asked: question.format,
    preference: question.format === 'auto' ? acceptableFormats(formats, question.accept) : [question.format],
  })
  for (const leaf of leaves) {
    note('node', {
      format: leaf.format,
      node: leaf.node && `sha256:${leaf.node}`,
      state: leaf.state ?? 'REFUSED',
      shared_with: sharersOf(leaf, all, principal),
      failure: leaf.failure?.code ?? leaf.refusal?.code,
      chain: leaf.chain === null ? undefined : JSON.parse(leaf.chain),
    })
  }
  if (leaves.length === 0) return end('unplanned: the first resolve plans it')
  const accepted: readonly string[] =
    question.format === 'auto' ? acceptableFormats(formats, question.accept) : [question.format]
  const wanted = accepted.flatMap(format => leaves.filter(leaf => leaf.format === format))
  if (wanted.length === 0) return end(question.format === 'auto' ? 'not-acceptable' : 'not-found')
  const answered = wanted.find(leaf => leaf.state === 'DONE')
  if (answered) return end(`ready: ${answered.format}`)
  return end(wanted.some(leaf => leaf.node && leaf.state !== 'DEAD') ? 'pending' : 'rendition-failed')
}

/** By name for administrators; a product learns how many there are. */
const sharersOf = (leaf: LeafState, all: readonly LeafState[], { product }: Principal): readonly string[] => {
  const others = all.filter(other => other.node !== null && other.node === leaf.node && other.product !== leaf.product)
  if (product === undefined) return others.map(other => `${other.product}/${other.rendition}`)
  return others.length > 0 ? [`${others.length} of other products`] : []
}

const render = (
  { product, asset, rendition, format }: ExplainQuestion,
  steps: Explanation['steps'],
  outcome: string,
): string => {
  const width = Math.max(...steps.map(({ step }) => step.length))
  const lines = steps.map(
    ({ step, result }) => `  ${step.padEnd(width)}  ${typeof result === 'string' ? result : JSON.stringify(result)}`,
  )
  return [`resolve ${product}/${rendition} (${format}) of ${asset}`, ...lines, `=> ${outcome}`].join('\n')
}
