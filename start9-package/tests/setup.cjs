/**
 * Loaded before the tests, in each test file's own process: StartOS's floor, made of a
 * temporary folder.
 *
 * - the volume `main` is a folder, as file models resolve their paths when they are loaded;
 * - containers have no file system of their own; what is mounted in them is recorded;
 * - a command in a container is run as it is: the real program, PUNCHBOWL_BIN, with `/data`
 *   standing for the folder (bin/start-container).
 */
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const floor = fs.mkdtempSync(path.join(os.tmpdir(), 'punchbowl-startos-'))
process.on('exit', () => fs.rmSync(floor, { recursive: true, force: true }))

const volume = path.join(floor, 'main')
fs.mkdirSync(volume, { mode: 0o700 })
process.env.TEST_VOLUME = volume
process.env.TEST_FLOOR = floor
process.env.LANG = 'en_US.UTF-8'
process.env.PATH = `${path.join(__dirname, 'bin')}:${process.env.PATH}`

const { Volume } = require('@start9labs/start-sdk/lib/util/Volume')
Volume.prototype.subpath = function (subpath) {
  return path.join(floor, this.id, subpath)
}

const subcontainer = require('@start9labs/start-sdk/lib/util/SubContainer')
subcontainer.execFile = async () => ({ stdout: '', stderr: '' })
globalThis.mounted = []
subcontainer.SubContainerEager.prototype.mount = async function (mounts) {
  globalThis.mounted.push(...mounts.build())
  return this
}
