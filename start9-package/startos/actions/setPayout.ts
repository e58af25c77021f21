/** Whom blocks pay. The pool does not start before this has been said. */
import { readStore } from '../fileModels/store'
import { i18n } from '../i18n'
import { save } from '../node'
import { sdk } from '../sdk'
import { groups } from './groups'

const { InputSpec, Value, Variants } = sdk

/** Of the task that asks for it. */
export const payoutTask = 'set-payout'

const form = InputSpec.of({
  payout: Value.union({
    name: i18n('Blocks pay'),
    description: i18n(
      'One address takes every block; or a descriptor gives a fresh address for each block; or each miner that finds a block is paid at the address in its user name.',
    ),
    default: 'address',
    variants: Variants.of({
      address: {
        name: i18n('One address'),
        spec: InputSpec.of({
          address: Value.text({
            name: i18n('Address'),
            description: i18n(
              'An address of your own wallet. Check it twice: what is paid to a wrong one is gone.',
            ),
            required: true,
            default: null,
            placeholder: 'bc1q…',
            minLength: 26,
            maxLength: 90,
          }),
        }),
      },
      descriptor: {
        name: i18n('A descriptor'),
        spec: InputSpec.of({
          descriptor: Value.textarea({
            name: i18n('Descriptor'),
            description: i18n(
              'A public one of your own wallet; with a * each block pays another of its addresses.',
            ),
            required: true,
            default: null,
            placeholder: 'wpkh([d34db33f/84h/0h/0h]xpub…/0/*)',
            minRows: 2,
            maxRows: 6,
            maxLength: 4096,
          }),
        }),
      },
      solo: {
        name: i18n('Each miner that finds one'),
        spec: InputSpec.of({}),
      },
    }),
  }),
})

export const setPayout = sdk.Action.withInput(
  'set-payout',
  async () => ({
    name: i18n('Set Payout'),
    description: i18n('Say whom the blocks that are found pay'),
    warning: null,
    allowedStatuses: 'any',
    group: groups.configuration,
    visibility: 'enabled',
  }),
  form,

  async () => {
    const { mode, address, descriptor } = (await readStore()).payout
    const other = {
      address: { address: address ?? undefined },
      descriptor: { descriptor: descriptor ?? undefined },
    }
    switch (mode) {
      case null:
        return null
      case 'address':
        return {
          payout: {
            selection: mode,
            value: other.address,
            other: { descriptor: other.descriptor },
          },
        }
      case 'descriptor':
        return {
          payout: {
            selection: mode,
            value: other.descriptor,
            other: { address: other.address },
          },
        }
      case 'solo':
        return { payout: { selection: mode, value: {}, other } }
    }
  },

  async ({ effects, input: { payout } }) => {
    const store = await readStore()
    const chosen = {
      ...store.payout,
      mode: payout.selection,
      ...(payout.selection === 'address' && {
        address: payout.value.address.trim(),
      }),
      ...(payout.selection === 'descriptor' && {
        descriptor: payout.value.descriptor.trim(),
      }),
    }
    const pays = await save(effects, { ...store, payout: chosen })
    await sdk.action.clearTask(effects, payoutTask)
    return {
      version: '1',
      title: i18n('Set Payout'),
      message: i18n('Blocks pay from now on: ${pays}', { pays }),
      result: null,
    }
  },
)
