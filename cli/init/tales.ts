/**
 * Hand-written sentence patterns → tales, the small text that language models of characters learn from.
 *
 * The same text every time. The vocabulary is small on purpose, so that a small model learns it in a minute.
 */
import type { Pick } from "./random.js";
import { createPick } from "./random.js";

const animals = [
  "seal",
  "crab",
  "gull",
  "otter",
  "heron",
  "fox",
  "hare",
  "owl",
  "mouse",
  "snail",
  "whale",
  "tern",
];
const colours = ["grey", "red", "white", "brown", "black", "silver"];
const places = [
  "the bay",
  "the reef",
  "the old pier",
  "the river",
  "the tall rock",
  "the quiet pond",
  "the sandy shore",
];
const foods = ["a ripe berry", "a small fish", "a sweet root", "a handful of seeds", "a round shell"];
const weathers = ["the wind", "the rain", "the fog", "the storm", "the cold night"];
const sounds = ["sang a low song", "called three times", "hummed", "laughed", "said nothing at all"];
const virtues = ["patient", "kind", "honest", "brave", "careful", "calm"];

/** What fills one tale: one hero, one helper, one place, one thing. */
type Choices = ReturnType<typeof choices>;

const patterns: readonly ((t: Choices) => readonly string[])[] = [
  (t) => [
    `A ${t.colour} ${t.hero} lived near ${t.place}.`,
    `Every morning the ${t.hero} looked for ${t.food}.`,
    `One day ${t.weather} came, and there was nothing to eat.`,
    `"I will share with you," said the ${t.helper}.`,
    `They ate together and watched the sun go down.`,
    `Since then the ${t.hero} and the ${t.helper} have been friends.`,
  ],
  (t) => [
    `The ${t.hero} wanted to cross ${t.place}.`,
    `"It is too far," said the ${t.helper}. "Wait for the tide."`,
    `But the ${t.hero} did not want to wait.`,
    `${cap(t.weather)} came over the water, and the ${t.hero} turned back.`,
    `In the evening the tide was low, and they walked across side by side.`,
    `It is good to be ${t.virtue}.`,
  ],
  (t) => [
    `Long ago the moon fell into ${t.place}.`,
    `The ${t.hero} saw it first and ${t.sound}.`,
    `The ${t.helper} came with a net, but the net was too small.`,
    `"Let us wait until the water is still," said the ${t.hero}.`,
    `When the water was still, the moon was in the sky again.`,
  ],
  (t) => [
    `A young ${t.hero} was afraid of ${t.weather}.`,
    `"What do you hear?" asked the old ${t.helper}.`,
    `"I hear a great voice," said the ${t.hero}.`,
    `"It is only the sea, and the sea is singing," said the ${t.helper}.`,
    `The ${t.hero} listened for a long time and was not afraid any more.`,
  ],
  (t) => [
    `The ${t.hero} found ${t.food} by ${t.place}.`,
    `"That is mine," said the ${t.colour} ${t.helper}.`,
    `"Then we will cut it in two," said the ${t.hero}.`,
    `The ${t.helper} thought about it and ${t.sound}.`,
    `Half of it was enough for both of them.`,
    `It is good to be ${t.virtue}.`,
  ],
  (t) => [
    `Who made the waves? asked the ${t.hero}.`,
    `The wind made them, said the ${t.helper}.`,
    `Who made the wind? asked the ${t.hero}.`,
    `The sun made it, said the ${t.helper}.`,
    `Who made the sun? asked the ${t.hero}.`,
    `The ${t.helper} looked at ${t.place} and ${t.sound}.`,
  ],
  (t) => [
    `In winter ${t.place} was white and still.`,
    `The ${t.colour} ${t.hero} had a warm house, and the ${t.helper} had none.`,
    `"Come in," said the ${t.hero}, "there is room for two."`,
    `They told each other tales until the ice was gone.`,
    `In spring the ${t.helper} brought ${t.food} to say thank you.`,
  ],
  (t) => [
    `The ${t.hero} built a little boat out of bark.`,
    `"It will sink," said the ${t.helper}.`,
    `The boat went past ${t.place} and did not sink.`,
    `Then ${t.weather} came, and the boat went down.`,
    `"I will build a better one," said the ${t.hero}, and the ${t.helper} helped.`,
    `The second boat is still there today.`,
  ],
  (t) => [
    `Every evening the ${t.helper} lit a lamp at ${t.place}.`,
    `"Nobody comes," said the ${t.hero}. "Why do you light it?"`,
    `That night ${t.weather} was very bad, and the ${t.hero} lost the way.`,
    `Far away there was a small light, and the ${t.hero} went home by it.`,
    `Now they light the lamp together.`,
  ],
  (t) => [
    `The ${t.hero} was quick, and the ${t.helper} was slow.`,
    `They went to ${t.place} to look for ${t.food}.`,
    `The ${t.hero} ran past it and did not see it.`,
    `The ${t.helper} saw it and ${t.sound}.`,
    `It is good to be ${t.virtue}, and it is good to look around.`,
  ],
];

const cap = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

function choices(pick: Pick) {
  const hero = pick(animals);
  const helper = pick(animals.filter((animal) => animal !== hero));
  return {
    hero,
    helper,
    colour: pick(colours),
    place: pick(places),
    food: pick(foods),
    weather: pick(weathers),
    sound: pick(sounds),
    virtue: pick(virtues),
  };
}

/** 40 kB. */
export function tales(count = 160): string {
  const pick = createPick(20);
  const texts = Array.from({ length: count }, (_, n) =>
    patterns[n % patterns.length]!(choices(pick)).join("\n"),
  );
  return `${texts.join("\n\n")}\n`;
}
