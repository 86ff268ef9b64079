/**
 * The training text until the visitor gives one. It was written for this page, in plain words with phrases that recur.
 */
export const defaultText: string = `The keeper of the harbour light

The light stood at the end of the long wall, and the keeper lived under it. Every evening she climbed the stairs, and
every morning she came down again. There were ninety stairs. She counted them on the way up, and she counted them on the
way down, and the number was always the same.

In the evening she trimmed the wick, filled the lamp, and wrote the hour in the book. In the morning she put out the
lamp, cleaned the glass, and wrote the hour in the book. When the wind came from the north she wrote: wind from the
north. When the wind came from the south she wrote: wind from the south. When there was no wind she wrote: no wind, and
looked at the water for a while, because she did not trust it.

The boats knew the light, and the light knew the boats. The red boat went out first and came home last. The blue boat
went out last and came home first. The green boat went out when it pleased and came home when it pleased, and the keeper
never learned to guess it. She wrote in the book: the red boat is home. She wrote in the book: the blue boat is home.
She wrote in the book: the green boat is not home, and then she waited.

One evening in the spring a boy came along the wall. He asked what the light was for. The keeper said that the light was
for the boats. He asked what the book was for. The keeper said that the book was for the light. He asked what the keeper
was for. The keeper laughed, and said that she was for the stairs, and they climbed the stairs together, and the boy
counted them. He counted ninety-one. The keeper said that there were ninety. They went down and counted them again, and
the boy counted ninety, and the keeper counted ninety-one, and after that they let the stairs be.

In the summer the nights are short, and a keeper has little to do. The boy learned to trim the wick and to fill the lamp.
He learned to read the wind from the smoke of the town and the tide from the stones of the wall. When the stones were
dry the water was low. When the stones were wet the water was high. When the stones could not be seen at all it was time
to close the door, to stay under the light, and to write in the book: high water, wind from the north.

In the autumn the fog came. It came from the south without a wind, and it stood on the water like a wall. The keeper lit
the lamp in the middle of the day. She rang the bell, and waited, and rang the bell again. The red boat answered with its
horn, and came home. The blue boat answered with its horn, and came home. The green boat did not answer. The keeper rang
the bell, and waited, and rang the bell again. The boy climbed the stairs, all ninety of them, or ninety-one, and looked
out, and saw nothing, and came down, and climbed them again.

At the end of the night the wind came from the north and took the fog away, a little here and a little there, until the
water lay open and grey in the morning. The green boat lay under the light with its ropes made fast. It had been there
since the evening. It had come home first of all, when it pleased, and its skipper had slept through the bell and the
horns and the fog, and did not know why the keeper laughed.

The keeper opened the book. She wrote the hour. She wrote: fog, no wind, then wind from the north. She wrote: the red
boat is home, the blue boat is home. She gave the pen to the boy, and the boy wrote: the green boat is home. Then they
put out the lamp, and cleaned the glass, and went up the stairs and down the stairs, and counted them, and wrote the
number in the book.

What is written in the book can be read again. On every page there is an hour and a wind. On every page there is a boat
that is home, or a boat that is not home. Whoever reads one page of it knows what the next page will say, or nearly so;
and whoever reads all of it knows the harbour, the light and the stairs, and can say when the fog will come, and does not
say it, because the water is not to be trusted.
`;
