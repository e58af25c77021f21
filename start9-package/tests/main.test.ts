import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { main } from '../startos'
import { ADDRESS, freshStartOs, initialise, read, status, write } from './place'

async function ready(store: unknown = { payout: { mode: 'solo' } }) {
  const os = freshStartOs()
  write('store.json', store)
  await initialise(os, 'update')
  return os
}

/** The daemons as recorded, before anything is started. */
async function daemons(os: Awaited<ReturnType<typeof ready>>): Promise<any> {
  return main({ effects: os.effects() })
}

test('one program runs, as root, on the configuration made from the store', async () => {
  const os = await ready({
    payout: { mode: 'address', address: ADDRESS },
    pool: { log: 'debug' },
  })
  const { entries } = await daemons(os)
  const running = entries.filter((entry: any) => entry.kind !== 'health')
  assert.equal(running.length, 1)
  const [{ exec, subcontainer }] = running
  assert.deepEqual(exec.command, [
    '/usr/bin/punchbowl',
    'pool',
    '--config',
    '/data/config.json',
  ])
  assert.equal(exec.user, 'root')
  assert.equal(exec.env.RUST_LOG, 'debug')
  assert.equal(exec.env.PUNCHBOWL_CONFIG_MANAGED, 'startos')
  assert.equal(exec.sigtermTimeout, 30_000)
  assert.equal(subcontainer.imageId, 'node')
  assert.equal(read('config.json').payout.address, ADDRESS)
})

test('the container has its own volume, and of Bitcoin the folder with the socket, read-only', async () => {
  const { entries } = await daemons(await ready())
  globalThis.mounted.length = 0
  await entries[0].subcontainer.eager()
  assert.deepEqual(globalThis.mounted, [
    {
      mountpoint: '/data',
      options: {
        type: 'volume',
        volumeId: 'main',
        subpath: null,
        readonly: false,
        filetype: 'directory',
        idmap: [],
      },
    },
    {
      mountpoint: '/mnt/bitcoind-ipc',
      options: {
        type: 'pointer',
        packageId: 'bitcoind',
        volumeId: 'main',
        subpath: 'ipc',
        readonly: true,
        filetype: 'directory',
        idmap: [],
      },
    },
  ])
  assert.equal(
    read('config.json').template.ipc_socket,
    '/mnt/bitcoind-ipc/bitcoin-core.sock',
  )
})

test('without a payout it does not start, and says which task is open', async () => {
  const os = await ready({})
  await assert.rejects(daemons(os), /Set Payout/)
})

test('where Bitcoin is missing, too old or without IPC it does not start, and says what to do', async () => {
  const os = await ready()
  os.bitcoin.installedVersion = null
  await assert.rejects(daemons(os), /not installed/)
  os.bitcoin.installedVersion = '30.2:1'
  await assert.rejects(daemons(os), />=31\.0:13/)
  os.bitcoin.installedVersion = '#knots:31.0:14'
  await assert.rejects(daemons(os), /Knots/)
  os.bitcoin.installedVersion = '31.0:13'
  const task: any = { active: true, task: { severity: 'critical' } }
  os.bitcoin.tasks = { 'enable-ipc': task }
  await assert.rejects(daemons(os), /IPC is off/)
})

test('a Bitcoin that is stopped or syncs does not keep the pool from starting', async () => {
  const os = await ready()
  os.bitcoin.isRunning = false
  assert.equal((await daemons(os)).entries.length, 7)
})

test('each health check is there, after the pool, and reads what the pool says', async () => {
  const os = await ready()
  write('run/status.json', status(Date.now()))
  const { entries } = await daemons(os)
  const ids = entries.map((entry: any) => entry.id)
  assert.deepEqual(ids, [
    'node',
    'templates',
    'ledger',
    'sv1',
    'members',
    'dashboard',
    'miners',
  ])
  for (const entry of entries.slice(1)) {
    assert.equal(entry.kind, 'health')
    assert.deepEqual(entry.requires, ['node'])
    assert.ok(entry.ready.display)
  }
  for (const id of ['templates', 'ledger', 'members', 'miners']) {
    const { ready: check } = entries.find((entry: any) => entry.id === id)
    assert.equal((await check.fn()).result, 'success', id)
  }
})

test('the pool takes the configuration that main writes', async () => {
  await daemons(await ready({ payout: { mode: 'address', address: ADDRESS } }))
  const { status: code, stdout } = spawnSync(
    process.env.PUNCHBOWL_BIN!,
    ['check-config', '--config', `${process.env.TEST_VOLUME}/config.json`],
    { encoding: 'utf8', env: {} },
  )
  assert.equal(code, 0, stdout)
})
