/** Every action, with what a host should and should not enter. The program itself judges. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { actions } from '../startos'
import type { StartOs } from './effects'
import {
  ADDRESS,
  AUTHORITY,
  DESCRIPTOR,
  FIRST,
  NODE,
  SECOND,
  freshStartOs,
  has,
  host,
  identity,
  initialise,
  list,
  prefill,
  read,
  status,
  submit,
  text,
  valuesOf,
  write,
} from './place'

let os: StartOs

beforeEach(async () => {
  os = freshStartOs()
  await initialise(os, 'install')
})

const address = (text: string) => ({
  payout: { selection: 'address', value: { address: text } },
})
const descriptor = (text: string) => ({
  payout: { selection: 'descriptor', value: { descriptor: text } },
})
const noFee = { feePercent: 0, feeAddress: null }
const solo = { payout: { selection: 'solo', value: noFee } }
const shared = (value: object) => ({
  payout: {
    selection: 'shared',
    value: {
      ...noFee,
      bonusPercent: 0,
      window: { selection: 'round', value: {} },
      ...value,
    },
  },
})

const action = (id: string) => actions.get(id as never)
const set = (id: string, input: unknown) => submit(os, action(id), input)

test('set-payout: an address is taken, shown, and the task is done', async () => {
  assert.ok(os.tasks.has('set-payout'))
  const { message } = await set('set-payout', address(`  ${ADDRESS} `))
  assert.match(message, new RegExp(ADDRESS))
  assert.equal(read('store.json').payout.address, ADDRESS)
  assert.ok(!os.tasks.has('set-payout'))
})

test('set-payout: what is no address of this chain is refused by the pool’s own words, and nothing changes', async () => {
  const before = read('store.json')
  for (const wrong of [
    'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5',
    'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx',
    'not an address of anybody at all',
  ]) {
    await assert.rejects(
      set('set-payout', address(wrong)),
      /payout\.address: .*→ use an address of your own wallet/,
      wrong,
    )
  }
  await assert.rejects(set('set-payout', { payout: { selection: 'nobody' } }))
  assert.deepEqual(read('store.json'), before)
  assert.ok(os.tasks.has('set-payout'))
})

test('set-payout: a descriptor is shown by its first address; a private one is refused and not repeated', async () => {
  const { message } = await set('set-payout', descriptor(DESCRIPTOR))
  assert.match(message, new RegExp(FIRST))
  // BIP32 test vector 1, chain m.
  const secret =
    'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi'
  await assert.rejects(
    set('set-payout', descriptor(`wpkh(${secret}/0/*)`)),
    (error: Error) =>
      /private key/.test(error.message) && !error.message.includes(secret),
  )
  assert.equal(read('store.json').payout.descriptor, DESCRIPTOR)
})

test('set-payout: going to and fro loses neither address nor descriptor', async () => {
  await set('set-payout', address(ADDRESS))
  await set('set-payout', descriptor(DESCRIPTOR))
  await set('set-payout', solo)
  const shown = await prefill(os, action('set-payout'))
  assert.equal(shown.payout.selection, 'solo')
  assert.equal(shown.payout.other.address.address, ADDRESS)
  assert.equal(shown.payout.other.descriptor.descriptor, DESCRIPTOR)
  await set('set-payout', address(ADDRESS))
  const again = await prefill(os, action('set-payout'))
  assert.equal(again.payout.value.address, ADDRESS)
  assert.equal(again.payout.other.descriptor.descriptor, DESCRIPTOR)
})

test('set-payout: a shared pool has its fee, bonus and window as entered, and shows them again', async () => {
  await set('set-payout', shared({}))
  const { payout } = (await rendered()).configured
  assert.deepEqual(
    [payout.mode, payout.host_fee_ppm, payout.window],
    ['shared', 0, 'round'],
  )
  assert.equal(payout.address, undefined)
  await set(
    'set-payout',
    shared({
      feePercent: 1.5,
      feeAddress: ADDRESS,
      bonusPercent: 2,
      window: {
        selection: 'recent',
        value: { windowDifficulties: 2, windowDays: 30 },
      },
    }),
  )
  const entered = (await rendered()).configured.payout
  assert.equal(entered.host_fee_ppm, 15_000)
  assert.equal(entered.address, ADDRESS)
  assert.equal(entered.finder_bonus_ppm, 20_000)
  assert.equal(entered.window_difficulties, 2)
  assert.equal(entered.window_time, 30 * 86_400)
  const shown = (await prefill(os, action('set-payout'))).payout
  assert.equal(shown.selection, 'shared')
  assert.equal(shown.value.feePercent, 1.5)
  assert.deepEqual(shown.value.window.value, {
    windowDifficulties: 2,
    windowDays: 30,
  })
})

test('set-payout: a fee without an address, a window without an end or with nothing in it is refused', async () => {
  const before = read('store.json')
  for (const [wrong, words] of [
    [{ feePercent: 1 }, /address that the fee goes to/],
    [{ feePercent: 101, feeAddress: ADDRESS }, /./],
    [{ feePercent: 1, feeAddress: 'bc1qnonsense' }, /payout\.address/],
    [
      {
        window: {
          selection: 'recent',
          value: { windowDifficulties: null, windowDays: null },
        },
      },
      /payout\.window/,
    ],
    [
      {
        window: {
          selection: 'event',
          value: {
            eventStart: '2026-12-25T02:00',
            eventEnd: '2026-12-24T18:00',
          },
        },
      },
      /payout\.window/,
    ],
  ] as const) {
    await assert.rejects(
      set('set-payout', shared(wrong)),
      words,
      JSON.stringify(wrong),
    )
  }
  assert.deepEqual(read('store.json'), before)
})

test('set-dashboard-password: the pool keeps a hash of it, and it is shown once, masked', async () => {
  await set('set-payout', solo)
  const { result } = await set('set-dashboard-password', {
    password: 'correct horse battery',
  })
  assert.deepEqual(
    [result.value, result.masked],
    ['correct horse battery', true],
  )
  const kept = list('.').filter(name => /password/.test(name))
  assert.equal(kept.length, 1)
  assert.ok(!text(kept[0]!).includes('horse'))
  assert.ok(!text('store.json').includes('horse'))
})

test('set-dashboard-password: one that is too short, or has a space at its end, is refused', async () => {
  for (const password of ['short', '', 'long enough but ', null]) {
    await assert.rejects(set('set-dashboard-password', { password }))
  }
  assert.ok(!list('.').some(name => /password/.test(name)))
})

test('rotate-payout: an address is exchanged for a new one, which must be one and another', async () => {
  await set('set-payout', address(ADDRESS))
  const { message } = await set('rotate-payout', { address: FIRST })
  assert.ok(message.includes(FIRST) && message.includes(ADDRESS), message)
  assert.equal(read('store.json').payout.address, FIRST)
  await assert.rejects(set('rotate-payout', { address: FIRST }), /already/)
  await assert.rejects(set('rotate-payout', { address: null }), /new address/)
  await assert.rejects(
    set('rotate-payout', { address: 'bc1qnonsense' }),
    /payout\.address/,
  )
  assert.equal(read('store.json').payout.address, FIRST)
})

test('rotate-payout: a descriptor moves on to its next address, and stays there', async () => {
  await set('set-payout', descriptor(DESCRIPTOR))
  const { message } = await set('rotate-payout', { address: null })
  assert.ok(message.includes(`${SECOND} instead of ${FIRST}`), message)
  const again = await set('rotate-payout', { address: null })
  assert.ok(again.message.includes(`instead of ${SECOND}`), again.message)
})

test('rotate-payout: where there is nothing to rotate it says so', async () => {
  await assert.rejects(set('rotate-payout', { address: null }), /Set Payout/)
  await set('set-payout', solo)
  await assert.rejects(set('rotate-payout', { address: null }), /its own/)
  await set('set-payout', descriptor(`wpkh(${PUBLIC_KEY})`))
  await assert.rejects(set('rotate-payout', { address: null }), /no next one/)
})

const PUBLIC_KEY =
  '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'

const mining = {
  tag: '/garage/',
  sharesPerMinute: 12,
  minDifficulty: 0.5,
  rental: true,
  rentalDifficulty: 1_000_000,
  templateSeconds: 30,
  templateSatoshi: 5_000,
  log: 'warn',
}

test('configure: what is entered is what the pool gets and what the form shows next', async () => {
  await set('set-payout', solo)
  await set('configure', mining)
  const { configured } = await rendered()
  assert.equal(configured.payout.pool_tag, '/garage/')
  assert.deepEqual(configured.vardiff, {
    shares_per_minute: 12,
    min_difficulty: 0.5,
  })
  assert.deepEqual(configured.listen.high_difficulty, ['0.0.0.0:3337'])
  assert.equal(configured.sv1.high_difficulty, 1_000_000)
  assert.deepEqual(await prefill(os, action('configure')), mining)
  await set('configure', { ...mining, tag: null, rental: false })
  assert.equal((await rendered()).configured.payout.pool_tag, '')
  assert.deepEqual((await rendered()).configured.listen.high_difficulty, [])
})

test('configure: what is out of bounds is refused, by the form or by the pool', async () => {
  await set('set-payout', solo)
  const before = read('store.json')
  for (const wrong of [
    { sharesPerMinute: 0 },
    { sharesPerMinute: 'many' },
    { minDifficulty: -1 },
    { templateSatoshi: 1.5 },
    { log: 'everything' },
    { rental: 'yes' },
  ]) {
    await assert.rejects(
      set('configure', { ...mining, ...wrong }),
      JSON.stringify(wrong),
    )
  }
  // Forty characters, but more bytes: only the pool counts those.
  await assert.rejects(
    set('configure', { ...mining, tag: 'ü'.repeat(40) }),
    /payout\.pool_tag/,
  )
  assert.deepEqual(read('store.json'), before)
})

const iroh = {
  enabled: true,
  relay: 'own',
  relays: [`203.0.113.9,${NODE}`],
  publish: true,
  membersOnly: true,
  members: [NODE],
}

test('iroh-settings: relays, members and publishing reach the pool', async () => {
  await set('set-payout', solo)
  await set('iroh-settings', iroh)
  const { p2p } = (await rendered()).configured
  assert.deepEqual(p2p.relays, iroh.relays)
  assert.deepEqual([p2p.admission, p2p.members], ['members', [NODE]])
  assert.equal(p2p.discovery.dht, 'relay-only')
  await set('iroh-settings', { ...iroh, relay: 'public', membersOnly: false })
  const open = (await rendered()).configured.p2p
  assert.deepEqual([open.public_relays, open.relays], [['n0'], []])
  assert.equal(open.admission, 'open')
  // What does not count now is kept for when it does.
  const shown = await prefill(os, action('iroh-settings'))
  assert.deepEqual([shown.relays, shown.members], [iroh.relays, [NODE]])
})

test('iroh-settings: a relay without a key, no relay, or a wrong node ID is refused', async () => {
  await set('set-payout', solo)
  const before = read('store.json')
  for (const [wrong, words] of [
    [{ relays: ['203.0.113.9'] }, /p2p\.relays/],
    [{ relays: ['what?!'] }, /p2p\.relays/],
    [{ relays: [] }, /at least one relay/],
    [{ members: ['nobody'] }, /p2p\.members/],
    [{ relay: 'somewhere' }, /./],
  ] as const) {
    await assert.rejects(
      set('iroh-settings', { ...iroh, ...wrong }),
      words,
      JSON.stringify(wrong),
    )
  }
  assert.deepEqual(read('store.json'), before)
})

test('connection-info: addresses come with the ports that StartOS has given, at home first, each with a QR code', async () => {
  write('run/identity.json', identity)
  os.setHost(host(os))
  const result = await set('connection-info', {})
  const values = result.result.value.map((member: any) => member.value)
  assert.deepEqual(values, [
    identity.invite,
    `stratum2+iroh://${NODE}/${AUTHORITY}?a=203.0.113.7:31204&a=192.168.1.50:31204`,
    `stratum2+tcp://192.168.1.50:23336/${AUTHORITY}`,
    `stratum2+tcp://203.0.113.7:23336/${AUTHORITY}`,
    `stratum2+tcp://adjective-noun.local:23336/${AUTHORITY}`,
    'stratum+tcp://192.168.1.50:23335',
    'stratum+tcp://203.0.113.7:23335',
    'stratum+tcp://adjective-noun.local:23335',
    NODE,
    AUTHORITY,
  ])
  assert.ok(result.result.value.every((member: any) => member.qr))
  assert.ok(result.result.value.every((member: any) => member.copyable))
  // No port that was only wished for, and no address of the bridge.
  assert.ok(
    !values.some((value: string) => /:33\d\d|:11204|10\.0\.3/.test(value)),
  )
})

test('connection-info: an invite that leads nowhere says what to do', async () => {
  const bare = `stratum2+iroh://${NODE}/${AUTHORITY}`
  write('run/identity.json', {
    ...identity,
    invite: bare,
    invite_with_private: `${bare}?a=10.0.3.5:11204`,
  })
  const result = await set('connection-info', {})
  const invite = valuesOf(result).get('Invite')
  assert.equal(invite.value, bare)
  assert.match(invite.description, /make the interface Node ID public/)
  // Nothing but the bridge's: no invite for the house either.
  assert.equal(valuesOf(result).get('Invite for the same house'), undefined)
  assert.match(result.message, /no address/)
})

test('connection-info: without members by invite there is none, and before the first start it says so', async () => {
  await assert.rejects(set('connection-info', {}), /Start Punchbowl once/)
  write('run/identity.json', '{"half": ')
  await assert.rejects(set('connection-info', {}))
  write('run/identity.json', identity)
  write('store.json', { ...read('store.json'), iroh: { enabled: false } })
  const result = await set('connection-info', {})
  assert.equal(valuesOf(result).get('Invite'), undefined)
})

test('node-info: other services get the pool’s address on this server, and its key', async () => {
  await assert.rejects(set('node-info', {}), /Start Punchbowl once/)
  write('run/identity.json', identity)
  os.setHost(host(os))
  const values = valuesOf(await set('node-info', {}))
  assert.equal(
    values.get('sv2').value,
    `stratum2+tcp://10.0.3.1:23336/${AUTHORITY}`,
  )
  assert.equal(values.get('authority-key').value, AUTHORITY)
  assert.equal(values.get('node-id').value, NODE)
})

test('view-template: the block under way, what it is worth and whom it pays', async () => {
  await assert.rejects(set('view-template', {}), /no block template yet/)
  await set('set-payout', address(ADDRESS))
  write('run/status.json', status(Date.now()))
  const result = await set('view-template', {})
  assert.match(result.title, /930,000/)
  const values = valuesOf(result)
  assert.equal(values.get('Pays').value, ADDRESS)
  assert.equal(values.get('Amount').value, '3.17500000 BTC')
  assert.match(values.get('Amount').description, /0\.05000000 BTC/)
})

test('view-template: each output of the coinbases that miners work on, if the pool answers', async t => {
  const [ann, host] = [
    { value: 300_000_000, address: 'bc1qann', owner: 'ann', why: 'her work' },
    { value: 17_500_000, address: 'bc1qhost', owner: null, why: '' },
  ]
  const data = { value: 0, address: null, owner: null, why: 'the witnesses' }
  const asked = t.mock.method(globalThis, 'fetch', async () =>
    Response.json([
      { class: 'Stratum V2', outputs: [ann, host, data] },
      { class: 'Class nano', outputs: Array(60).fill(ann) },
    ]),
  )
  await set('set-payout', address(ADDRESS))
  write('run/status.json', status(Date.now()))
  const values = valuesOf(await set('view-template', {}))
  assert.match(
    String(asked.mock.calls[0]!.arguments[0]),
    /:8080\/api\/v1\/coinbase$/,
  )
  const first = values.get('Stratum V2, 1: ann')
  assert.equal(first.value, '3.00000000 BTC')
  assert.equal(first.description, 'bc1qann – her work')
  assert.equal(values.get('Stratum V2, 2: bc1qhost').value, '0.17500000 BTC')
  assert.equal(values.get('Stratum V2, 3: no payment').value, '0.00000000 BTC')
  assert.equal(values.get('Class nano').value, '10 more: see the dashboard')
  asked.mock.mockImplementation(async () => new Response('no JSON'))
  assert.equal(valuesOf(await set('view-template', {})).size, 6)
})

test('reset-stats: figures go, the ledger and all keys stay', async () => {
  const kept = ['ledger.sqlite', 'authority.key', 'node.key', 'solutions/1']
  for (const name of [...kept, 'stats/bests.json', 'stats/since.json'])
    write(name, 'x')
  await set('reset-stats', {})
  assert.ok(kept.every(has))
  assert.ok(!has('stats'))
  await set('reset-stats', {})
})

for (const [id, file] of [
  ['regenerate-node-id', 'node.key'],
  ['rotate-authority-key', 'authority.key'],
] as const) {
  test(`${id}: the old key is put aside, not deleted, and nothing else is touched`, async () => {
    write(file, 'the old key')
    write('ledger.sqlite', 'x')
    const { message } = await set(id, {})
    assert.match(message, /next start makes a new/)
    assert.ok(!has(file) && has('ledger.sqlite'))
    const [old] = list('old-keys')
    assert.match(old!, new RegExp(`${file}$`))
    // Again, with nothing there: said, and not a failure.
    assert.match((await set(id, {})).message, /There was no/)
  })
}

test('regenerate-node-id: it clears the task that a restore raised', async () => {
  await initialise(os, 'restore')
  assert.ok(os.tasks.has('regenerate-node-id'))
  await set('regenerate-node-id', {})
  assert.ok(!os.tasks.has('regenerate-node-id'))
})

/** What the pool would read now. */
async function rendered(): Promise<{ configured: any }> {
  const { renderConfig } = await import('../startos/config')
  return { configured: renderConfig(read('store.json')) }
}
