/** For other packages on this server, such as a proxy or a job declarator. */
import type { T } from '@start9labs/start-sdk'
import { identityFile } from '../fileModels/identity'
import { i18n } from '../i18n'
import { hostId, ports } from '../places'
import { sdk } from '../sdk'

export const nodeInfo = sdk.Action.withoutInput(
  'node-info',
  async () => ({
    name: i18n('Node Info'),
    description: i18n('Address and key of this pool, for other services'),
    warning: null,
    allowedStatuses: 'any',
    group: null,
    visibility: 'hidden',
    access: 'dependent',
  }),

  async ({ effects }) => {
    const identity = await identityFile.read().once()
    const address = await sdk.host
      .getBridgeAddress(effects, { hostId, internalPort: ports.sv2 })
      .once()
    if (identity === null || address === null) {
      throw new Error(
        i18n('Start Punchbowl once: its keys are made on the first start.'),
      )
    }
    const key = identity.authority_key
    // Names are fixed: programs look for them.
    return {
      version: '1',
      title: i18n('Node Info'),
      message: null,
      result: {
        type: 'group',
        value: [
          said('sv2', `stratum2+tcp://${address}/${key}`),
          said('authority-key', key),
          ...(identity.node_id === null
            ? []
            : [said('node-id', identity.node_id)]),
        ],
      },
    }
  },
)

const said = (name: string, value: string): T.ActionResultMember => ({
  type: 'single',
  name,
  description: null,
  value,
  copyable: true,
  qr: false,
  masked: false,
})
