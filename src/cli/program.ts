import { Command, Option } from 'commander'
import { aliases } from './commands/aliases.ts'
import { assets } from './commands/assets.ts'
import { audit } from './commands/audit.ts'
import { backfill } from './commands/backfill.ts'
import { calibrate } from './commands/calibrate.ts'
import { capabilities } from './commands/capabilities.ts'
import { config } from './commands/config.ts'
import { contracts } from './commands/contracts.ts'
import { deadLetters } from './commands/dead-letters.ts'
import { doctor } from './commands/doctor.ts'
import { engine } from './commands/engine.ts'
import { erase } from './commands/erase.ts'
import { events } from './commands/events.ts'
import { explain } from './commands/explain.ts'
import { focus } from './commands/focus.ts'
import { generate } from './commands/generate.ts'
import { holds } from './commands/holds.ts'
import { importCommand } from './commands/import.ts'
import { issuers } from './commands/issuers.ts'
import { keys } from './commands/keys.ts'
import { manifest } from './commands/manifest.ts'
import { metadata } from './commands/metadata.ts'
import { mock } from './commands/mock.ts'
import { alerts, dashboard } from './commands/monitoring.ts'
import { operations } from './commands/operations.ts'
import { ownership } from './commands/ownership.ts'
import { patch } from './commands/patch.ts'
import { picture } from './commands/picture.ts'
import { policy } from './commands/policy.ts'
import { products } from './commands/products.ts'
import { publish, schedule } from './commands/publish.ts'
import { purges } from './commands/purges.ts'
import { put } from './commands/put.ts'
import { rendition } from './commands/rendition.ts'
import { resolve } from './commands/resolve.ts'
import { seed } from './commands/seed.ts'
import { shares } from './commands/shares.ts'
import { sign } from './commands/sign.ts'
import { signingKeys } from './commands/signing-keys.ts'
import { sla } from './commands/sla.ts'
import { sources } from './commands/sources.ts'
import { subscriptions } from './commands/subscriptions.ts'
import { test } from './commands/test.ts'
import { upload } from './commands/upload.ts'
import { url } from './commands/url.ts'
import { usage } from './commands/usage.ts'
import { versions } from './commands/versions.ts'

const AFTER = `
Exit codes: 0 done; 1 a finding or a refusal; 2 wrong usage; 3 the gateway or one of its engines is away.
Beside a gateway started with \`npm start\` no option is needed: address and key are found in its data folder.`

/** `docs/cli.md` is printed from this, too. `environment`: of the shell, for those who ask what a gateway would make of it. */
export const buildProgram = (environment: Readonly<Record<string, string | undefined>> = {}): Command => {
  const program = new Command('matrix')
    .description('Upload originals, resolve derivatives and look at the matrix.')
    .addOption(
      new Option(
        '--url <url>',
        'the gateway; by default the one that runs on the data folder, else http://127.0.0.1:8080',
      ).env('ASSET_MATRIX_URL'),
    )
    .addOption(
      new Option('--key <key>', 'API key; by default the admin key in the data folder').env('ASSET_MATRIX_KEY'),
    )
    .addOption(
      new Option('--data <folder>', 'data folder of the embedded default').env('ASSET_MATRIX_DATA').default('.data'),
    )
    .option('--json', 'print JSON: results to standard output, failures to standard error', false)
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', AFTER)
  for (const add of [
    seed,
    put,
    assets,
    importCommand,
    sources,
    events,
    subscriptions,
    contracts,
    upload,
    patch,
    metadata,
    focus,
    aliases,
    resolve,
    picture,
    manifest,
    explain,
    ownership,
    policy,
    publish,
    schedule,
    versions,
    erase,
    holds,
    products,
    keys,
    issuers,
    usage,
    signingKeys,
    purges,
    url,
    sign,
    shares,
    doctor,
    sla,
    alerts,
    dashboard,
    config(environment),
    deadLetters,
    rendition,
    backfill,
    operations,
    calibrate,
    capabilities,
    engine,
    audit,
    generate,
    mock,
    test,
  ])
    add(program)
  const strict = (command: Command): void => {
    command.exitOverride().helpCommand(false)
    for (const child of command.commands) strict(child)
  }
  strict(program)
  return program
}
