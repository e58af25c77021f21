/** The dictionaries by number, as the SDK wants them. One that lacks a text does not compile. */
import dictionary, { type Text } from './default'
import { de_DE } from './de_DE'
import { es_ES } from './es_ES'
import { fr_FR } from './fr_FR'
import { pl_PL } from './pl_PL'

const numbered = (texts: Record<Text, string>): Record<number, string> =>
  Object.fromEntries(
    Object.entries(dictionary).map(([text, number]) => [
      number,
      texts[text as Text],
    ]),
  )

export default {
  es_ES: numbered(es_ES),
  de_DE: numbered(de_DE),
  pl_PL: numbered(pl_PL),
  fr_FR: numbered(fr_FR),
}
