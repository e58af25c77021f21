/**
 * All that this package knows of Bitcoin's: which version, where its socket is, and how IPC is
 * turned on. In one file, so that the move to SDK 3.0 (`sdk.Dependency.required`) is one.
 *
 * Bitcoin's package is not imported: a task needs no more of its action than the id and the
 * form's fields.
 */
import type { T } from '@start9labs/start-sdk'
import { i18n } from '../i18n'
import { sdk } from '../sdk'

/** Its package id; users know it as Bitcoin. */
export const bitcoind = 'bitcoind'

/**
 * IPC is in 31.x alone, and since this revision toggling it restarts the node and a stale
 * socket does no harm. Knots has another flavor, and so is not in this range.
 */
export const versionRange = '>=31.0:13'

/** Where its folder `ipc` is in our container. The folder: the socket changes at each start. */
const mountpoint = '/mnt/bitcoind-ipc'
export const socketInContainer = `${mountpoint}/bitcoin-core.sock`

/** To go into Mounts. Read-only: connecting to a socket writes nothing. */
export const ipcMount = {
  dependencyId: bitcoind,
  volumeId: 'main',
  subpath: 'ipc',
  mountpoint,
  readonly: true,
} as const

const ipc = {
  id: 'ipc' as const,
  _INPUT: null as unknown as { enableIpc: boolean },
}

export const setDependencies = sdk.setupDependencies(async () => ({
  [bitcoind]: {
    kind: 'running',
    versionRange,
    // Not sync-progress: while Bitcoin syncs, the pool waits and says so.
    healthChecks: ['bitcoind'],
  },
}))

/** Asks the host to turn IPC on, as long as it is off. */
export const askForIpc = sdk.setupOnInit(async effects => {
  await sdk.action.createTask(effects, bitcoind, ipc, 'critical', {
    replayId: 'enable-ipc',
    input: {
      kind: 'partial',
      accept: [{ enableIpc: true }],
      set: { enableIpc: true },
    },
    when: { condition: 'input-not-matches', once: false },
    reason: i18n(
      'Punchbowl takes block templates from Bitcoin over IPC, which is off by default. Whoever reaches that socket decides what your node mines; Punchbowl reaches nothing else of Bitcoin.',
    ),
  })
})

/**
 * Throws, in words for the host, where starting makes no sense. A Bitcoin that is stopped or
 * syncs is no reason: the pool waits for it, and its miners with it.
 */
export async function refuseWithoutBitcoin(effects: T.Effects): Promise<void> {
  const checked = await sdk.checkDependencies(effects, [bitcoind])
  if (!checked.installedSatisfied(bitcoind)) {
    throw new Error(i18n('Bitcoin is not installed. Install it first.'))
  }
  if (!checked.installedVersionSatisfied(bitcoind)) {
    throw new Error(
      i18n(
        'This Bitcoin cannot give templates over IPC. Punchbowl needs Bitcoin Core ${range}; other versions, and Knots, have no IPC.',
        { range: versionRange },
      ),
    )
  }
  if (!checked.tasksSatisfied(bitcoind)) {
    throw new Error(
      i18n('IPC is off in Bitcoin. Do the task that Punchbowl shows first.'),
    )
  }
}
