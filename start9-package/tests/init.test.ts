import assert from 'node:assert/strict'
import { test } from 'node:test'
import { uninit } from '../startos'
import {
  ADDRESS,
  freshStartOs,
  host,
  initialise,
  read,
  until,
  write,
} from './place'

const install = async (
  os = freshStartOs(),
  kind: 'install' | 'update' | 'restore' | null = 'install',
) => {
  await initialise(os, kind)
  return os
}

test('a new installation asks for the payout and for IPC, and names nobody to be paid', async () => {
  const os = await install()
  assert.deepEqual([...os.tasks.keys()].sort(), ['enable-ipc', 'set-payout'])
  assert.equal(os.tasks.get('set-payout')!.severity, 'critical')
  assert.equal(os.tasks.get('set-payout')!.packageId, 'punchbowl')
  const { payout } = read('store.json')
  assert.deepEqual(
    [payout.mode, payout.address, payout.descriptor, payout.feePercent],
    [null, null, null, 0],
  )
  assert.equal(os.dataVersion, '0.1.0:0')
})

test('the task on Bitcoin names its action and the one field that matters, until that is on', async () => {
  const task = (await install()).tasks.get('enable-ipc')!
  assert.equal(task.packageId, 'bitcoind')
  assert.equal(task.actionId, 'ipc')
  assert.equal(task.severity, 'critical')
  assert.deepEqual(task.when, { condition: 'input-not-matches', once: false })
  assert.deepEqual(task.input, {
    kind: 'partial',
    accept: [{ enableIpc: true }],
    set: { enableIpc: true },
  })
})

test('Bitcoin Core 31 with IPC is required; older ones and Knots are not taken for it', async () => {
  const { ExtendedVersion, VersionRange } =
    await import('@start9labs/start-sdk/node_modules/@start9labs/start-core/exver')
  const [bitcoin] = (await install()).dependencies
  assert.equal(bitcoin.id, 'bitcoind')
  assert.equal(bitcoin.kind, 'running')
  const range = VersionRange.parse(bitcoin.versionRange)
  const fits = (version: string) =>
    ExtendedVersion.parse(version).satisfies(range)
  for (const version of ['31.0:13', '31.1:0', '32.0:0']) {
    assert.ok(fits(version), version)
  }
  for (const version of ['31.0:12', '30.2:99', '28.1:4', '#knots:31.0:14']) {
    assert.ok(!fits(version), version)
  }
})

test('every port is bound to be passed on as it is, but the dashboard, which StartOS seals', async () => {
  const os = await install()
  assert.deepEqual(
    [...os.bound.keys()].sort((a, b) => a - b),
    [3335, 3336, 8080, 11204],
  )
  for (const port of [3335, 3336, 11204]) {
    const { secure, addSsl, preferredExternalPort } = os.bound.get(port)!
    assert.deepEqual(secure, { ssl: false })
    assert.equal(addSsl, null)
    assert.equal(preferredExternalPort, port)
  }
  assert.equal(os.bound.get(8080)!.secure, null)
  assert.notEqual(os.bound.get(8080)!.addSsl, null)
  const types = [...os.interfaces].map(([id, { type }]) => [id, type])
  assert.deepEqual(Object.fromEntries(types), {
    ui: 'ui',
    sv1: 'api',
    sv2: 'api',
    node: 'p2p',
  })
  assert.equal(os.interfaces.get('sv2')!.addressInfo.scheme, 'stratum2+tcp')
  assert.equal(os.interfaces.get('sv1')!.addressInfo.scheme, 'stratum+tcp')
  assert.equal(os.interfaces.get('node')!.addressInfo.scheme, null)
})

test('no port is one that other mining services of StartOS use', async () => {
  const os = await install()
  const taken = [3333, 3334, 4333, 9090, 2018, 23334, 8332, 8333, 28332, 28333]
  for (const port of os.bound.keys())
    assert.ok(!taken.includes(port), `${port}`)
})

test('the port for rented hash rate is there when the host wants it', async () => {
  const os = freshStartOs()
  write('store.json', { pool: { rental: true } })
  await install(os, 'update')
  assert.ok(os.bound.has(3337))
  assert.ok(os.interfaces.has('sv1-rental'))
})

test('an update keeps what was set, asks for nothing and clears a task that is done', async () => {
  const os = freshStartOs()
  write('store.json', { payout: { mode: 'address', address: ADDRESS } })
  os.dataVersion = '0.1.0:0'
  await install(os, 'update')
  assert.ok(!os.tasks.has('set-payout'))
  assert.ok(os.cleared.includes('set-payout'))
  const store = read('store.json')
  assert.equal(store.payout.address, ADDRESS)
  // What is new has its fallback.
  assert.equal(store.pool.sharesPerMinute, 6)
  assert.equal(store.iroh.relay, 'none')
})

test('a store that is damaged, or of another version, loads with what is good in it', async () => {
  const os = freshStartOs()
  write('store.json', {
    payout: { mode: 'lottery', address: ADDRESS },
    pool: 'gone',
    iroh: { relay: 7, enabled: false },
    future: { kept: true },
  })
  await install(os, 'update')
  const store = read('store.json')
  assert.equal(store.payout.mode, null)
  assert.equal(store.payout.address, ADDRESS)
  assert.equal(store.pool.log, 'info')
  assert.deepEqual([store.iroh.relay, store.iroh.enabled], ['none', false])
  assert.deepEqual(store.future, { kept: true })
  assert.equal(os.tasks.get('set-payout')!.severity, 'critical')
})

test('a restored pool is offered a node ID of its own, and the host is told why', async () => {
  const os = freshStartOs()
  write('store.json', { payout: { mode: 'solo' } })
  os.dataVersion = '0.1.0:0'
  await install(os, 'restore')
  const task = os.tasks.get('regenerate-node-id')!
  assert.equal(task.severity, 'important')
  assert.match(task.reason!, /still runs/)
  assert.equal(os.notifications.length, 1)
  assert.ok(!(await install()).tasks.has('regenerate-node-id'))
})

test('the pool is told the ports that StartOS has given, and told again when they change', async () => {
  const os = await install()
  assert.deepEqual(read('run/external-addrs.json'), [])
  const known = host(os)
  os.setHost(known)
  const list = () => {
    try {
      return read('run/external-addrs.json') as string[]
    } catch {
      return []
    }
  }
  await until('the addresses', () => list().length > 0)
  // Neither the bridge, nor a link-local address, nor a name, nor the preferred port.
  assert.deepEqual(list().sort(), ['192.168.1.50:31204', '203.0.113.7:31204'])

  known.bindings[11204]!.addresses.enabled = []
  os.setHost(structuredClone(known))
  await until('the public one to go', () => list().length === 1)
  assert.deepEqual(list(), ['192.168.1.50:31204'])
})

test('every action is exported with a name, words and a group', async () => {
  const os = await install()
  assert.deepEqual([...os.actions.keys()].sort(), [
    'configure',
    'connection-info',
    'iroh-settings',
    'node-info',
    'regenerate-node-id',
    'reset-stats',
    'rotate-authority-key',
    'rotate-payout',
    'set-dashboard-password',
    'set-payout',
    'view-template',
  ])
  for (const [id, action] of os.actions) {
    assert.ok(action.name && action.description, id)
    assert.equal(action.group === null, id === 'node-info', id)
  }
  const dangerous = [
    'regenerate-node-id',
    'rotate-authority-key',
    'reset-stats',
  ]
  for (const id of dangerous) {
    assert.ok(os.actions.get(id)!.warning, id)
    assert.equal(os.actions.get(id)!.allowedStatuses, 'only-stopped', id)
  }
  const info = os.actions.get('node-info')!
  assert.deepEqual([info.visibility, info.access], ['hidden', 'dependent'])
})

test('to another version of the package its data goes with its version', async () => {
  const os = await install()
  await uninit({ effects: os.effects(), target: null })
  assert.equal(os.dataVersion, null)
})
