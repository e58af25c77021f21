/** Whom blocks pay. The pool does not start before this has been said. */
import { readStore } from '../fileModels/store'
import { i18n } from '../i18n'
import { save } from '../node'
import { sdk } from '../sdk'
import { groups } from './groups'

const { InputSpec, Value, Variants } = sdk

/** Of the task that asks for it. */
export const payoutTask = 'set-payout'

const feeFields = {
  feePercent: Value.number({
    name: i18n('Your fee'),
    description: i18n(
      'What you take of each block. Every member sees it. Zero unless you say otherwise.',
    ),
    required: true,
    default: 0,
    integer: false,
    min: 0,
    max: 100,
    units: '%',
  }),
  feeAddress: Value.text({
    name: i18n('Where the fee goes'),
    description: i18n('An address of your own wallet; only if there is a fee.'),
    required: false,
    default: null,
    placeholder: 'bc1q…',
    maxLength: 90,
  }),
}

const windows = Variants.of({
  round: {
    name: i18n('All that no block has paid yet'),
    spec: InputSpec.of({}),
  },
  recent: {
    name: i18n('The newest'),
    spec: InputSpec.of({
      windowDifficulties: Value.number({
        name: i18n('So many blocks’ worth of work'),
        description: i18n(
          'Times the work that a block takes on average. Give this, the days, or both.',
        ),
        required: false,
        default: null,
        integer: false,
        min: 0.001,
        max: 1000000,
      }),
      windowDays: Value.number({
        name: i18n('So many days'),
        description: null,
        required: false,
        default: null,
        integer: false,
        min: 0.01,
        max: 3650,
      }),
    }),
  },
  event: {
    name: i18n('All of an event'),
    spec: InputSpec.of({
      eventStart: Value.datetime({
        name: i18n('Start (UTC)'),
        required: true,
        default: null,
      }),
      eventEnd: Value.datetime({
        name: i18n('End (UTC)'),
        required: true,
        default: null,
      }),
    }),
  },
})

const form = InputSpec.of({
  payout: Value.union({
    name: i18n('Blocks pay'),
    description: i18n(
      'One address takes every block; or a descriptor gives a fresh address for each block; or each miner that finds a block is paid at the address in its user name; or all who worked are paid, in proportion, by the block itself.',
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
        spec: InputSpec.of(feeFields),
      },
      shared: {
        name: i18n('All who worked'),
        spec: InputSpec.of({
          ...feeFields,
          bonusPercent: Value.number({
            name: i18n('Bonus of the finder'),
            description: i18n(
              'What the finder is paid of the rest, ahead of everybody.',
            ),
            required: true,
            default: 0,
            integer: false,
            min: 0,
            max: 100,
            units: '%',
          }),
          window: Value.union({
            name: i18n('Which work counts'),
            default: 'round',
            variants: windows,
          }),
        }),
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
    const { payout } = await readStore()
    const { mode } = payout
    if (mode === null) return null
    const all = valuesOf(payout)
    const { [mode]: value, ...other } = all
    return { payout: { selection: mode, value, other } as never }
  },

  async ({ effects, input: { payout } }) => {
    const store = await readStore()
    const chosen = { ...store.payout, ...chosenOf(payout) }
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

type Payout = Awaited<ReturnType<typeof readStore>>['payout']

/** What each variant of the form shows, whichever counts. */
function valuesOf(payout: Payout) {
  const fee = {
    feePercent: payout.feePercent,
    feeAddress: payout.feeAddress ?? undefined,
  }
  const recent = {
    windowDifficulties: payout.windowDifficulties ?? undefined,
    windowDays: payout.windowDays ?? undefined,
  }
  const event = {
    eventStart: payout.eventStart ?? undefined,
    eventEnd: payout.eventEnd ?? undefined,
  }
  const { [payout.window]: value, ...other } = { round: {}, recent, event }
  return {
    address: { address: payout.address ?? undefined },
    descriptor: { descriptor: payout.descriptor ?? undefined },
    solo: fee,
    shared: {
      ...fee,
      bonusPercent: payout.bonusPercent,
      window: { selection: payout.window, value, other },
    },
  }
}

/** What the host entered, as the store has it. Fields of other variants stay as they are. */
function chosenOf(payout: (typeof form)['_TYPE']['payout']): Partial<Payout> {
  const { selection: mode } = payout
  switch (payout.selection) {
    case 'address':
      return { mode, address: payout.value.address.trim() }
    case 'descriptor':
      return { mode, descriptor: payout.value.descriptor.trim() }
    case 'solo':
      return { mode, ...feeOf(payout.value) }
    case 'shared': {
      const { bonusPercent, window } = payout.value
      return {
        mode,
        ...feeOf(payout.value),
        bonusPercent,
        window: window.selection,
        ...window.value,
      }
    }
  }
}

function feeOf(entered: { feePercent: number; feeAddress: string | null }) {
  const feeAddress = entered.feeAddress?.trim() || null
  if (entered.feePercent > 0 && feeAddress === null) {
    throw new Error(i18n('Name the address that the fee goes to.'))
  }
  return { feePercent: entered.feePercent, feeAddress }
}
