"""Holds the answers of the scripted language model.

They read as those of a language model that is told that its answers are spoken: two sentences
without figures and abbreviations, so that both contenders are given the same words to say.
"""

from typing import Final

# The first sentence of about twenty words, with its first comma sooner or later.
LONG_ANSWERS: Final = (
    "The sea is salty because rivers carry dissolved minerals into it, and when the water "
    "evaporates they are left behind. So it stays salty.",
    "Mostly because of the rivers, which have been washing minerals out of the rocks for millions "
    "of years. The salt stays.",
    "Good question: rain takes a little salt out of every rock, and rivers carry all of it down to "
    "the sea. There it stays.",
    "Well, most of the salt comes from rocks on land, and a smaller part comes from vents on the "
    "sea floor. Both took ages.",
    "Over millions of years, rain and rivers have carried salt from the land into the oceans, "
    "where it stays. Only water leaves.",
)
# Its speech ends within the three seconds of silence between two sentences of a ramp.
SHORT_ANSWERS: Final = ("The salt comes out of the rocks on land. Rivers carry it.",)
# No sentence and no opening of four words occurs twice: a voice that keeps what it has said
# before gains nothing here. The first sentences have from two words to twenty-two.
VARIED_ANSWERS: Final = (
    "Yes, I think so. Vinegar keeps well in a closed bottle, even in a warm kitchen.",
    "A pinch of salt makes sweet things taste sweeter. Try it with melon or with dark chocolate.",
    "Cold water wakes you because the body answers the shock with a faster heart and deeper "
    "breaths. A minute is enough.",
    "That depends on the oven. Most of them run a little hotter at the back than at the front.",
    "Beer grows stale when oxygen reaches it, and light makes the change a good deal faster. "
    "Brown glass helps against both.",
    "Not really, no. The smell comes from the yeast, and it leaves with a day of fresh air.",
    "Warm air holds more scent than cold air does, so a warm room smells stronger. Open a window "
    "before you heat it.",
    "Tacos began in Mexico, where miners ate them underground. The word may come from their small "
    "charges of powder.",
    "Pork cooked on a spit came to Mexico with families from Lebanon, who had done the same with "
    "lamb at home. Pineapple was added later.",
    "Sure, here is one idea. Fry an onion slowly, add rice and stock, and leave it alone until it "
    "is soft.",
    "Rivers bring minerals to the sea, and the sun takes away nothing but water. Over the ages it "
    "has become what it is.",
    "Honey never spoils in a closed jar, because there is too little water in it for anything to "
    "live. Jars from old graves were still good.",
    "I would wait. Bread cuts better once it has cooled, and the crumb stops being sticky.",
    "The moon looks larger near the horizon, although it is not. Your eyes compare it with the "
    "trees in front.",
    "Leaves turn red in autumn because the green fades first and other colours are left to be "
    "seen. Cold bright days make it stronger.",
    "Maybe, but check first. Some plants that look alike are harmless, and others are anything "
    "but that.",
    "Lightning is much hotter than the surface of the sun. It lasts for less than the blink of an "
    "eye.",
    "Thunder follows because the heated air expands all at once, and the sound travels far more "
    "slowly than the light. Count the seconds between them.",
    "No, that is a myth. Goldfish remember things for months, and some learn to ring a small bell.",
    "An octopus has three hearts and blue blood. Two of the hearts serve the gills alone.",
    "Bees tell each other where flowers are with a dance, whose angle shows the direction from "
    "the sun. Its length gives the distance.",
    "Of course you can. Start with ten minutes a day, and keep a note of what went well.",
    "Glass is made of sand, soda and lime, melted together at great heat. Old windows were blown "
    "as large flat discs.",
    "Venice stands on millions of wooden posts, which do not rot because no air reaches them down "
    "in the mud. Stone was laid on top.",
    "It was invented twice. Two people had the same thought in the same year, and neither knew "
    "the other.",
    "Paper came to Europe from China by way of the Arab world. Before it, people wrote on the "
    "skins of animals.",
    "Coffee smells better than it tastes, some say, because many of its scents are lost on the "
    "way down. Drink it a little cooler.",
    "Try turning it off and on again. If the light still blinks, the cable is the most likely "
    "cause.",
    "Iron rusts when water and air come together on its surface. A thin coat of oil keeps both "
    "away.",
    "Camels store fat in their humps rather than water, and they live on it when there is little "
    "to eat. The hump then leans over.",
    "Probably in the evening. The wind drops at sunset, and the lake becomes as flat as a table.",
    "Tea was once so dear that families kept it in a locked box. The key stayed with the lady of "
    "the house.",
    "Penguins keep warm by standing close together, and those at the edge change places with those "
    "inside. Nobody stays cold for long.",
    "Some do, most do not. Cats that grew up near water are the ones that swim.",
    "The oldest trees grow slowly in dry and stony places. Their wood is too dense for most "
    "insects.",
    "Violins made long ago sound fine, but listeners in blind tests could not tell them from good "
    "new ones. Players could not either.",
    "Let me think about that. A walk of an hour burns about as much as a slice of cake gives.",
    "Snow is white because its crystals scatter every colour alike. Deep inside a glacier, it "
    "looks blue.",
    "Potatoes were grown in the mountains of Peru for thousands of years before a sailor brought "
    "the first of them to Spain. Farmers there did not trust them.",
    "Only a little. Most of what you taste comes through the nose, and much of the rest from "
    "texture.",
    "Sleep clears the brain of what it gathered by day, and it sorts what is worth keeping. That "
    "is why a nap helps before an exam.",
    "Cork comes from the bark of an oak, which is peeled every nine years or so. The tree grows a "
    "new coat each time.",
    "Happily, yes. Soup can be frozen for three months, as long as there is no cream in it.",
    "Sand dunes can sing when their grains slide at the same speed. It sounds like a low and "
    "distant engine.",
    "Early maps showed south at the top as often as north, since it was only a habit of the maker. "
    "Sailors with compasses settled it.",
    "Plants hear more than we believed. Roots grow towards the sound of running water, even "
    "through a dry pipe.",
    "Whales sing for hours, and their songs change from year to year. Young males pick up the "
    "new one from their neighbours.",
    "One reason is the shape of the bottle. A narrow neck lets less air in, and the wine stays "
    "fresh a day longer.",
)
