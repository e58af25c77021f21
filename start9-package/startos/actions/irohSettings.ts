/** How members with an invite reach the pool. */
import { readStore } from '../fileModels/store'
import { i18n } from '../i18n'
import { save } from '../node'
import { sdk } from '../sdk'
import { groups } from './groups'

const { InputSpec, Value, List } = sdk

const form = InputSpec.of({
  enabled: Value.toggle({
    name: i18n('Members by invite'),
    description: i18n(
      'Members connect by the node ID in their invite: over UDP, sealed, through most routers.',
    ),
    default: true,
  }),
  relay: Value.select({
    name: i18n('Relays'),
    description: i18n(
      'Where a member and the pool meet when neither router lets them through. Packets stay sealed.',
    ),
    warning: i18n(
      'Whoever runs a relay learns this server’s address, node IDs and addresses of the members who come that way, and when and how much is sent; not what is sent.',
    ),
    default: 'none',
    values: {
      none: i18n('None: direct connections only'),
      own: i18n('My own, listed below'),
      public: i18n('Public ones, of number 0, the makers of Iroh'),
    },
  }),
  relays: Value.list(
    List.text(
      {
        name: i18n('My own relays'),
        description: i18n(
          'One line each, as `punchbowl relay` prints it on any machine with a public address. Name two: then one may die.',
        ),
        default: [],
        maxLength: 4,
      },
      { placeholder: '203.0.113.9,<node id>' },
    ),
  ),
  publish: Value.toggle({
    name: i18n('Publish relays'),
    description: i18n(
      'The relays (never addresses) stand in the public DHT under the node ID, so that old invites lead to new relays.',
    ),
    default: false,
  }),
  membersOnly: Value.toggle({
    name: i18n('Listed members only'),
    description: i18n('Otherwise whoever has the invite may connect.'),
    default: false,
  }),
  members: Value.list(
    List.text(
      {
        name: i18n('Members’ node IDs'),
        description: i18n('Which `punchbowl id` prints on their machines.'),
        default: [],
        maxLength: 1000,
      },
      {},
    ),
  ),
})

export const irohSettings = sdk.Action.withInput(
  'iroh-settings',
  async () => ({
    name: i18n('Invites and Relays'),
    description: i18n('How members with an invite reach the pool'),
    warning: null,
    allowedStatuses: 'any',
    group: groups.connections,
    visibility: 'enabled',
  }),
  form,

  async () => (await readStore()).iroh,

  async ({ effects, input }) => {
    if (input.relay === 'own' && input.relays.length === 0) {
      throw new Error(
        i18n('List at least one relay of your own, or choose another kind.'),
      )
    }
    const store = await readStore()
    await save(effects, { ...store, iroh: { ...store.iroh, ...input } })
  },
)
