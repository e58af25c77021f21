/**
 * What a linter would say of the files here, and some that none knows: run by packaging/check.
 * yaml is the StartOS SDK's own copy.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const repository = dirname(here)
const text = name => readFileSync(join(here, name), 'utf8')
const { parse } = createRequire(join(repository, 'start9-package/package.json'))('yaml')
const yaml = name => parse(text(name))
const example = readFileSync(join(repository, 'punchbowl.example.toml'), 'utf8')

/** The Dockerfile's instructions, continued lines joined. */
const instructions = text('Dockerfile')
  .replace(/^\s*#.*$/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .map(line => line.trim())
  .filter(Boolean)
  .map(line => {
    const [, name, rest] = line.match(/^(\S+)\s+(.*)$/)
    return { name, rest }
  })
const all = name => instructions.filter(instruction => instruction.name === name).map(({ rest }) => rest)
const last = name => all(name).at(-1)

test('Dockerfile: every instruction is one, in capitals', () => {
  const known = ['ARG', 'CMD', 'COPY', 'ENTRYPOINT', 'ENV', 'EXPOSE', 'FROM', 'HEALTHCHECK', 'LABEL', 'RUN', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR']
  for (const { name } of instructions) assert.ok(known.includes(name), name)
})

test('Dockerfile: it builds in one stage and ships another, which has no shell', () => {
  const stages = all('FROM')
  assert.equal(stages.length, 2)
  assert.match(stages[0], / AS build$/)
  assert.equal(stages[1], 'scratch')
  const afterLastStage = instructions.slice(instructions.map(({ name }) => name).lastIndexOf('FROM'))
  assert.ok(!afterLastStage.some(({ name }) => name === 'RUN'))
})

test('Dockerfile: nothing comes from a moving or nameless place', () => {
  const [base] = all('ARG').filter(arg => arg.startsWith('RUST_IMAGE='))
  assert.match(base, /:\d+\.\d+-slim-\w+$/, 'the base has a version')
  assert.ok(!/\blatest\b/.test(text('Dockerfile')))
  assert.equal(all('ADD').length, 0)
  for (const run of all('RUN')) {
    assert.ok(!/\b(curl|wget|sudo|apt-get)\b/.test(run), run)
    if (run.includes('cargo build')) assert.match(run, /--locked/)
  }
})

test('Dockerfile: it runs as nobody in particular, by exec and not through a shell', () => {
  assert.equal(last('USER'), '1000:1000')
  for (const name of ['ENTRYPOINT', 'CMD']) assert.ok(Array.isArray(JSON.parse(last(name))), name)
  assert.match(last('HEALTHCHECK'), /CMD \["\/usr\/bin\/punchbowl", "healthcheck"\]$/)
  assert.equal(last('STOPSIGNAL'), 'SIGTERM')
})

test('Dockerfile: every source is copied, exists, and is let through by .dockerignore', () => {
  const ignore = readFileSync(join(repository, '.dockerignore'), 'utf8').split('\n')
  const members = readFileSync(join(repository, 'Cargo.toml'), 'utf8')
    .match(/^members = \[(.*)\]$/m)[1]
    .match(/[\w-]+/g)
  const copied = all('COPY')
    .filter(copy => !copy.startsWith('--from'))
    .flatMap(copy => copy.split(/\s+/).slice(0, -1))
  for (const source of copied) {
    assert.ok(existsSync(join(repository, source)), source)
    assert.ok(ignore.includes(`!${source}`), `${source} in .dockerignore`)
  }
  for (const member of members) assert.ok(copied.includes(member), `the crate ${member}`)
})

test('Dockerfile: the Rust is one that the workspace takes', () => {
  const wanted = readFileSync(join(repository, 'Cargo.toml'), 'utf8').match(/rust-version = "(\d+)\.(\d+)"/)
  const [, major, minor] = text('Dockerfile').match(/rust:(\d+)\.(\d+)-/)
  assert.ok(Number(major) > Number(wanted[1]) || Number(minor) >= Number(wanted[2]))
})

test('Dockerfile: the ports are the program’s own', () => {
  const ports = last('EXPOSE').split(/\s+/)
  assert.deepEqual(ports, ['34254/tcp', '34255/udp', '8080/tcp'])
  for (const port of ports) assert.ok(example.includes(`:${port.split('/')[0]}"`), port)
})

/** Keys of the configuration, as the example file names them. */
function isKey(variable) {
  const path = variable.replace(/^PUNCHBOWL_/, '').toLowerCase().split('__')
  const section = path.slice(0, -1).join('.')
  const start = section === '' ? 0 : example.indexOf(`\n[${section}]\n`)
  if (start < 0) return false
  const end = example.indexOf('\n[', start + 1)
  return new RegExp(`^(# )?${path.at(-1)} = `, 'm').test(example.slice(start, end))
}

for (const [name, service] of [
  ['docker-compose.yml', 'punchbowl'],
  ['umbrel/punchbowl/docker-compose.yml', 'node'],
]) {
  const what = yaml(name).services[service]

  test(`${name}: not root, not restarted when stopped on purpose, and time to stop`, () => {
    assert.match(what.user, /1000.*1000/)
    assert.ok(['on-failure', 'unless-stopped'].includes(what.restart))
    assert.equal(what.stop_grace_period, '30s')
    assert.ok(!what.privileged && what.network_mode !== 'host')
  })

  test(`${name}: every variable is a key of the configuration`, () => {
    for (const variable of Object.keys(what.environment)) assert.ok(isKey(variable), variable)
    assert.ok(!isKey('PUNCHBOWL_PAYOUT__ADRESS') && !isKey('PUNCHBOWL_ADDRESS'))
  })

  test(`${name}: Bitcoin’s folder, not its socket, is mounted, and read-only`, () => {
    const mounts = what.volumes.map(volume => volume.match(/^(.*?):(\/[^:]*)(:ro)?$/))
    const bitcoin = mounts.find(([, , target]) => target === '/bitcoin')
    assert.equal(bitcoin[3], ':ro')
    assert.ok(!/\.sock/.test(bitcoin[1]))
    assert.ok(what.environment.PUNCHBOWL_TEMPLATE__IPC_SOCKET.startsWith('/bitcoin/'))
    assert.deepEqual(
      mounts.filter(mount => mount !== bitcoin).map(([, , target]) => target),
      ['/data'],
    )
  })

  test(`${name}: ports are quoted, of the right protocol, and clear of other apps`, () => {
    const taken = [2018, 3333, 3334, 3336, 4333, 8332, 8333, 9090, 23334]
    const inner = what.ports.map(port => {
      const [, outer, target] = port.match(/^(?:127\.0\.0\.1:)?(\d+):(\d+\/(?:tcp|udp))$/)
      assert.ok(!taken.includes(Number(outer)), port)
      return target
    })
    assert.ok(inner.includes('34254/tcp') && inner.includes('34255/udp'))
  })
}

test('docker-compose.yml: what the container cannot need it has not, and status stays on this machine', () => {
  const service = yaml('docker-compose.yml').services.punchbowl
  assert.equal(service.read_only, true)
  assert.deepEqual(service.cap_drop, ['ALL'])
  assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
  assert.ok(service.ports.includes('127.0.0.1:8080:8080/tcp'))
  // Without an address there is no pool, and compose says so before it starts one.
  assert.match(service.environment.PUNCHBOWL_PAYOUT__ADDRESS, /^\$\{PAYOUT_ADDRESS:\?.+\}$/)
})

test('umbrel: the manifest has every field, and its port and dependency are as the compose file has them', () => {
  const app = yaml('umbrel/punchbowl/umbrel-app.yml')
  for (const field of ['manifestVersion', 'id', 'category', 'name', 'version', 'tagline', 'description', 'developer', 'website', 'dependencies', 'repo', 'support', 'port', 'gallery', 'path', 'submitter', 'submission']) {
    assert.notEqual(app[field], undefined, field)
  }
  assert.equal(app.id, 'punchbowl')
  assert.equal(app.category, 'bitcoin')
  assert.deepEqual(app.dependencies, ['bitcoin'])
  assert.equal(typeof app.version, 'string')
  const [, version] = readFileSync(join(repository, 'Cargo.toml'), 'utf8').match(/^version = "(.*)"$/m)
  assert.equal(app.version, version)
  const { services } = yaml('umbrel/punchbowl/docker-compose.yml')
  assert.deepEqual(services.app_proxy.environment, { APP_HOST: 'punchbowl_node_1', APP_PORT: 8080 })
  assert.match(services.node.image, new RegExp(`:${version.replaceAll('.', '\\.')}`))
  assert.equal(services.node.build, undefined, 'Umbrel builds nothing')
  assert.ok(existsSync(join(here, 'umbrel/punchbowl/data/.gitkeep')), 'its folder is made by Umbrel, not by root')
  const compose = text('umbrel/punchbowl/docker-compose.yml')
  for (const variable of compose.matchAll(/\$\{(\w+)\}/g)) {
    assert.ok(['APP_DATA_DIR', 'APP_BITCOIN_DATA_DIR', 'APP_BITCOIN_IPC_SOCKET_RELATIVE_PATH', 'APP_BITCOIN_NETWORK'].includes(variable[1]), variable[1])
  }
})

const unit = text('systemd/punchbowl.service')
const setting = name => [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(match => match[1])

test('systemd: it runs as its own user, may write into its own folder only, and is given time to stop', () => {
  assert.deepEqual(setting('User'), ['punchbowl'])
  assert.deepEqual(setting('StateDirectory'), ['punchbowl'])
  assert.deepEqual(setting('ProtectSystem'), ['strict'])
  assert.deepEqual(setting('ReadWritePaths'), [])
  assert.ok(Number(setting('TimeoutStopSec')[0]) > 25)
  for (const name of ['NoNewPrivileges', 'MemoryDenyWriteExecute', 'PrivateDevices', 'PrivateTmp', 'ProtectHome', 'ProtectKernelTunables', 'RestrictNamespaces', 'RestrictSUIDSGID', 'LockPersonality']) {
    assert.deepEqual(setting(name), ['yes'], name)
  }
  assert.match(setting('RestrictAddressFamilies')[0], /AF_INET AF_INET6 AF_NETLINK AF_UNIX/)
})

const skipWithout = (variable, why) => (process.env[variable] ? false : `${variable} is not set: ${why}`)
const run = (command, args, options) => execFileSync(command, args, { encoding: 'utf8', ...options })
const has = command => {
  try {
    run('sh', ['-c', `command -v ${command}`])
    return true
  } catch {
    return false
  }
}

test('systemd: systemd itself finds nothing wrong, and little that is exposed', {
  skip: has('systemd-analyze') ? false : 'there is no systemd-analyze',
}, () => {
  const judged = run('systemd-analyze', ['security', '--offline=true', '--no-pager', join(here, 'systemd/punchbowl.service')])
  const exposure = Number(judged.match(/Overall exposure level for \S+: ([\d.]+)/)[1])
  assert.ok(exposure < 2.5, `exposure ${exposure}\n${judged}`)
})

test('image: its root file system has the program, what it is linked with, and no shell', {
  skip: skipWithout('PUNCHBOWL_ROOTFS', 'packaging/check makes it'),
}, () => {
  const rootfs = process.env.PUNCHBOWL_ROOTFS
  const files = run('find', ['.', '-type', 'f'], { cwd: rootfs }).trim().split('\n').sort()
  const others = files.filter(file => !/^\.\/(usr\/)?lib(64)?\//.test(file))
  assert.deepEqual(others, ['./etc/group', './etc/nsswitch.conf', './etc/passwd', './usr/bin/punchbowl'])
  for (const folder of ['data', 'dev', 'mnt', 'proc', 'run', 'sys', 'tmp']) {
    assert.ok(statSync(join(rootfs, folder)).isDirectory(), folder)
  }
  const times = run('find', ['.', '-printf', '%T@\n'], { cwd: rootfs }).trim().split('\n')
  assert.ok(times.every(time => Number(time) === 0), 'times are not all 0')
  assert.deepEqual(readdirSync(join(rootfs, 'data')), [])
  assert.ok(!lstatSync(join(rootfs, 'usr/bin/punchbowl')).isSymbolicLink())
})

const deb = process.env.PUNCHBOWL_DEB
const skipDeb = skipWithout('PUNCHBOWL_DEB', 'packaging/check makes it')
const field = name => run('dpkg-deb', ['--field', deb, name]).trim()

test('deb: its files are root’s, at the places where Debian has them', { skip: skipDeb }, () => {
  const rows = run('dpkg-deb', ['--contents', deb]).trim().split('\n').map(row => row.split(/\s+/))
  const files = Object.fromEntries(rows.map(row => [row.at(-1), row[0]]))
  for (const row of rows) assert.equal(row[1], 'root/root', row.join(' '))
  const expected = {
    './etc/punchbowl/punchbowl.toml': '-rw-r-----',
    './usr/bin/punchbowl': '-rwxr-xr-x',
    './usr/lib/systemd/system/punchbowl.service': '-rw-r--r--',
    './usr/lib/sysusers.d/punchbowl.conf': '-rw-r--r--',
    './usr/share/doc/punchbowl/README.md': '-rw-r--r--',
    './usr/share/doc/punchbowl/changelog.Debian.gz': '-rw-r--r--',
    './usr/share/doc/punchbowl/copyright': '-rw-r--r--',
    './usr/share/doc/punchbowl/punchbowl.example.toml': '-rw-r--r--',
  }
  assert.deepEqual(Object.fromEntries(Object.entries(files).filter(([name]) => !name.endsWith('/'))), expected)
})

test('deb: its fields are as Debian wants them, and its configuration is the host’s', { skip: skipDeb }, () => {
  assert.equal(field('Package'), 'punchbowl')
  assert.match(field('Version'), /^\d+\.\d+\.\d+-1$/)
  assert.match(field('Depends'), /^libc6 \(>= \d\.\d+\), libgcc-s1$/)
  const [summary, ...rest] = field('Description').split('\n')
  assert.ok(summary.length <= 80 && !summary.endsWith('.') && !/^an? /i.test(summary), summary)
  assert.ok(rest.length > 0)
  const control = run('dpkg-deb', ['--info', deb, 'conffiles'])
  assert.equal(control, '/etc/punchbowl/punchbowl.toml\n')
  const sums = run('dpkg-deb', ['--info', deb, 'md5sums'])
  assert.match(sums, /^[0-9a-f]{32} {2}usr\/bin\/punchbowl$/m)
})

test('deb: its scripts are sound shell, make the user, keep the data and leave a running pool running', { skip: skipDeb }, () => {
  for (const script of ['postinst', 'prerm', 'postrm']) {
    const content = run('dpkg-deb', ['--info', deb, script])
    assert.match(content, /^#!\/bin\/sh\nset -e\n/, script)
    run('sh', ['-n'], { input: content })
    assert.ok(!/rm -r/.test(content), `${script} deletes nothing`)
  }
  assert.match(run('dpkg-deb', ['--info', deb, 'postinst']), /systemd-sysusers punchbowl\.conf/)
  assert.match(run('dpkg-deb', ['--info', deb, 'prerm']), /\[ "\$1" = remove \]/)
})

test('s9pk: the reader in StartOS’s own SDK takes it, and finds everything in it', {
  skip: skipWithout('PUNCHBOWL_S9PK', 'packaging/check makes it'),
}, async () => {
  const sdk = createRequire(join(repository, 'start9-package/package.json'))
  const { S9pk } = sdk('@start9labs/start-sdk/node_modules/@start9labs/start-core/s9pk')
  const s9pk = await S9pk.deserialize(new Blob([readFileSync(process.env.PUNCHBOWL_S9PK)]), null)
  assert.equal(s9pk.manifest.id, 'punchbowl')
  assert.match(await s9pk.icon(), /^data:image\/svg\+xml;base64,/)
  assert.match(await s9pk.license(), /MIT/)
  assert.match(await s9pk.instructions(), /^# Punchbowl/)
  const { bitcoind } = await s9pk.dependencyMetadata()
  assert.equal(bitcoind.title, 'Bitcoin')
  assert.match(bitcoind.icon, /^data:image\/svg\+xml;base64,/)
  const [architecture] = s9pk.manifest.images.node.arch
  for (const path of [['javascript.squashfs'], ['images', architecture, 'node.squashfs']]) {
    await s9pk.archive.contents.getPath(path).verifiedFileContents()
  }
})
