// Packs an s9pk (version 2), without StartOS's own start-cli: for tests, and to look at. Releases
// are made with start-cli (`make`).
//
// usage: node tools/pack.mjs ROOTFS FILE.s9pk [--arch x86_64|aarch64] [--key FILE]
//
// ROOTFS is what packaging/make-rootfs makes. The key is 32 bytes; without one, a new one is
// made. The same input gives the same bytes.
//
// The format: magic, ed25519 key, signature (Ed25519ph, context "s9pk") over the root's hash and
// size, then tables of contents, then files. A table's hash covers its names and its entries'
// hashes and sizes, so that the signature covers everything.
import { ed25519ph } from '@noble/curves/ed25519'
import { blake3 } from '@noble/hashes/blake3'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const MAGIC = Buffer.from([0x3b, 0x3b, 0x02])
const CONTEXT = Buffer.from('s9pk')
const FILE = 1
const FOLDER = 2

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    arch: { type: 'string', default: 'x86_64' },
    key: { type: 'string' },
  },
})
const [rootfs, output] = positionals
if (!output) {
  console.error(
    'usage: node tools/pack.mjs ROOTFS FILE.s9pk [--arch ARCH] [--key FILE]',
  )
  process.exit(2)
}

const here = dirname(dirname(fileURLToPath(import.meta.url)))
const text = name => readFileSync(join(here, name))
const folder = mkdtempSync(join(tmpdir(), 'punchbowl-s9pk-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** A folder's tree as one file. */
function squash(source, name) {
  const file = join(folder, `${name}.squashfs`)
  const environment = { ...process.env }
  // mksquashfs wants the times either from there or from its options.
  delete environment.SOURCE_DATE_EPOCH
  const reproducible = [
    '-all-root',
    '-mkfs-time',
    '0',
    '-all-time',
    '0',
    '-no-xattrs',
  ]
  execFileSync(
    'mksquashfs',
    [source, file, '-quiet', '-no-progress', '-comp', 'zstd', ...reproducible],
    {
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  return readFileSync(file)
}

const json = value => Buffer.from(JSON.stringify(value))

const { manifest } = createRequire(import.meta.url)(
  join(here, 'javascript/index.js'),
)
const packed = structuredClone(manifest)
packed.images.node = {
  ...packed.images.node,
  source: 'packed',
  arch: [values.arch],
}
packed.hardwareRequirements.arch = [values.arch]
const dependencies = Object.fromEntries(
  Object.entries(packed.dependencies).map(([id, { metadata }]) => [
    id,
    {
      'metadata.json': json({ title: metadata.title }),
      [`icon${extname(metadata.icon)}`]: text(metadata.icon),
    },
  ]),
)
for (const dependency of Object.values(packed.dependencies))
  delete dependency.metadata

const root = {
  'manifest.json': json(packed),
  'icon.svg': text('icon.svg'),
  'LICENSE.md': text('LICENSE'),
  'instructions.md': text('instructions.md'),
  dependencies,
  'javascript.squashfs': squash(join(here, 'javascript'), 'javascript'),
  'assets.squashfs': squash(join(here, 'assets'), 'assets'),
  images: {
    [values.arch]: {
      // What the Dockerfile says of the image.
      'node.json': json({
        entrypoint: ['/usr/bin/punchbowl'],
        user: '1000:1000',
        workdir: '/',
      }),
      'node.env': Buffer.from('PUNCHBOWL_DATA_DIR=/data'),
      'node.squashfs': squash(rootfs, 'node'),
    },
  },
}

const key = values.key ? readFileSync(values.key) : randomBytes(32)
writeFileSync(output, pack(root, key))
const bytes = readFileSync(output).length
console.log(
  `${output}: ${packed.id} ${packed.version} for ${values.arch}, ${(bytes / 1e6).toFixed(1)} MB, ${readdirSync(rootfs).length} entries in the root of its image`,
)

/** The whole file. */
function pack(root, key) {
  const tree = folderOf(root)
  const headerSize = MAGIC.length + 32 + 64 + 32 + 8 + 16
  // Tables first, each before those below it; then files.
  let position = headerSize
  for (const node of walk(tree, FOLDER)) {
    node.position = position
    position += node.tableSize
  }
  for (const node of walk(tree, FILE)) {
    node.position = position
    position += node.content.length
  }
  const maxSize = u64(tree.tableSize)
  const message = Buffer.concat([tree.hash, maxSize])
  return Buffer.concat([
    MAGIC,
    ed25519ph.getPublicKey(key),
    ed25519ph.sign(message, key, { context: CONTEXT }),
    message,
    u64(tree.position),
    u64(tree.tableSize),
    ...[...walk(tree, FOLDER)].map(tableOf),
    ...[...walk(tree, FILE)].map(({ content }) => content),
  ])
}

function folderOf(entries) {
  const children = Object.entries(entries)
    .map(([name, entry]) => [
      Buffer.from(name),
      Buffer.isBuffer(entry) ? fileOf(entry) : folderOf(entry),
    ])
    .sort(([a], [b]) => Buffer.compare(a, b))
  const hasher = blake3.create({})
  hasher.update(varint(children.length))
  for (const [name, { hash, size }] of children) {
    hasher.update(
      Buffer.concat([varstring(name), hash, u64(size), Buffer.of(0)]),
    )
  }
  const tableSize =
    varint(children.length).length +
    children.reduce(
      (sum, [name, { type }]) =>
        sum + varstring(name).length + 32 + 8 + 1 + (type === FILE ? 8 : 16),
      0,
    )
  const hash = Buffer.from(hasher.digest())
  return { type: FOLDER, children, hash, size: tableSize, tableSize }
}

function fileOf(content) {
  const hash = Buffer.from(blake3(content))
  return { type: FILE, content, hash, size: content.length }
}

function tableOf({ children }) {
  const rows = children.map(
    ([name, { hash, size, type, position, tableSize }]) =>
      Buffer.concat([
        varstring(name),
        hash,
        u64(size),
        Buffer.of(type),
        u64(position),
        ...(type === FOLDER ? [u64(tableSize)] : []),
      ]),
  )
  return Buffer.concat([varint(children.length), ...rows])
}

function* walk(node, type) {
  if (node.type === type) yield node
  for (const [, child] of node.children ?? []) yield* walk(child, type)
}

function u64(number) {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64BE(BigInt(number))
  return buffer
}

function varint(number) {
  const bytes = []
  for (; number >= 0x80; number >>>= 7) bytes.push((number & 0x7f) | 0x80)
  return Buffer.from([...bytes, number])
}

function varstring(bytes) {
  return Buffer.concat([varint(bytes.length), bytes])
}
