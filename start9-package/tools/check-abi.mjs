// Looks at the bundle as StartOS and start-cli do: what it exports, and what lies beside it.
//
// usage: node tools/check-abi.mjs            after `npm run build`
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(dirname(fileURLToPath(import.meta.url)))
const at = name => join(here, name)
const text = name => readFileSync(at(name), 'utf8')
const bundle = createRequire(import.meta.url)(at('javascript/index.js'))

const EXPORTS = [
  'actions',
  'createBackup',
  'init',
  'main',
  'manifest',
  'uninit',
]
assert.deepEqual(Object.keys(bundle).sort(), EXPORTS)

const { manifest } = bundle
assert.deepEqual(JSON.parse(JSON.stringify(manifest)), manifest)
assert.equal(manifest.id, 'punchbowl')
assert.equal(manifest.sdkVersion, '2.0.9')
assert.deepEqual(manifest.volumes, ['main'])
assert.deepEqual(Object.keys(manifest.images), ['node'])
const cargo = join(here, '../Cargo.toml')
if (existsSync(cargo)) {
  // Split out of the repository, the package stands alone.
  const [, version] = readFileSync(cargo, 'utf8').match(/^version = "(.*)"$/m)
  assert.equal(
    manifest.version.split(':')[0],
    version,
    'the package is not of the program’s version',
  )
}

const LOCALES = ['de_DE', 'en_US', 'es_ES', 'fr_FR', 'pl_PL']
for (const [what, words] of Object.entries({
  short: manifest.description.short,
  long: manifest.description.long,
  bitcoin: manifest.dependencies.bitcoind.description,
  releaseNotes: manifest.releaseNotes,
})) {
  assert.deepEqual(Object.keys(words).sort(), LOCALES, what)
}
for (const locale of LOCALES) {
  assert.ok(manifest.description.short[locale].length <= 80, locale)
  assert.ok(manifest.description.long[locale].length <= 500, locale)
}

const icons = readdirSync(here).filter(name => name.startsWith('icon.'))
assert.deepEqual(icons, ['icon.svg'])
assert.ok(statSync(at('icon.svg')).size <= 40 * 1024, 'icon.svg is too large')
assert.ok(
  text('instructions.md').length > 500,
  'instructions.md says too little',
)
assert.ok(text('LICENSE').includes('MIT'))
assert.ok(readdirSync(at('assets')).length > 0, 'assets is empty')
assert.ok(existsSync(at(manifest.dependencies.bitcoind.metadata.icon)))
console.log(
  `punchbowl ${manifest.version}: exports, manifest, ${LOCALES.length} languages, icon and texts are as StartOS wants them`,
)
