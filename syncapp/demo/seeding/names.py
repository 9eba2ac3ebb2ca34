"""Plausible names, cities and domains. Common first and last names only; domains are reserved for examples."""

from __future__ import annotations

from dataclasses import dataclass

DOMAINS = (
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "post.example.net",
    "home.example.org",
)


@dataclass(frozen=True)
class Names:
    first: tuple[str, ...]
    last: tuple[str, ...]
    cities: tuple[str, ...]


def words(text: str) -> tuple[str, ...]:
    """One name per comma."""
    return tuple(word.strip() for word in text.split(","))


DUTCH = Names(
    first=words(
        "Anna, Bram, Daan, Eline, Emma, Fleur, Gijs, Hanna, Iris, Jan, Jasper, Joris, Julia, Karin, Koen, Lars, "
        "Lieke, Lotte, Maarten, Marieke, Mees, Mila, Niels, Nora, Noor, Olaf, Pieter, Renske, Ruben, Saskia, "
        "Sem, Sanne, Sjoerd, Sofie, Stijn, Teun, Thijs, Tess, Willem, Yara, Zoë, Ayşe, Mohammed, Priya"
    ),
    last=words(
        "de Vries, Jansen, van den Berg, Bakker, van Dijk, Visser, Smit, Meijer, de Boer, Mulder, de Groot, Bos, "
        "Vos, Peters, Hendriks, van Leeuwen, Dekker, Brouwer, de Wit, Dijkstra, Smits, de Graaf, van der Meer, "
        "Kok, Jacobs, de Haan, Vermeulen, van der Linden, Postma, Kuiper, Hoekstra, Willems, Prins, Scholten, "
        "Huisman, Yılmaz, El Amrani, Sharma, ’t Hart, Wolff"
    ),
    cities=words(
        "Amsterdam, Utrecht, Rotterdam, Den Haag, Leiden, Haarlem, Groningen, Zwolle, Nijmegen, Arnhem, Breda, "
        "’s-Hertogenbosch, Eindhoven, Maastricht, Middelburg, Leeuwarden, Deventer, Amersfoort"
    ),
)
FLEMISH = Names(
    first=words(
        "An, Arne, Bart, Caro, Dries, Ellen, Evi, Femke, Griet, Hilde, Inge, Jelle, Jef, Joke, Karel, Katrien, "
        "Lander, Lien, Liesbeth, Maxim, Mieke, Nele, Pieter-Jan, Robbe, Ruth, Seppe, Sofie, Stef, Tine, Tom, "
        "Veerle, Wout, Yana, Nadia, Youssef"
    ),
    last=words(
        "Peeters, Janssens, Maes, Jacobs, Mertens, Willems, Claes, Goossens, Wouters, De Smet, Vermeulen, "
        "Pauwels, Hermans, Aerts, Michiels, Lambrechts, Van Damme, De Backer, Desmet, Vandenberghe, Stevens, "
        "De Clercq, Verhoeven, Coppens, Van den Broeck, Benali, Wauters, Lemmens"
    ),
    cities=words(
        "Gent, Antwerpen, Brugge, Leuven, Mechelen, Hasselt, Kortrijk, Aalst, Oostende, Brussel, Lier"
    ),
)
FRENCH = Names(
    first=words(
        "Adèle, Antoine, Aurélie, Benoît, Camille, Chloé, Clément, Élise, Émile, Fabien, François, Hélène, "
        "Inès, Jérôme, Julien, Léa, Loïc, Louise, Margaux, Mathilde, Maxime, Nicolas, Noémie, Olivier, Pauline, "
        "Quentin, Sophie, Théo, Valérie, Xavier, Yasmine, Karim"
    ),
    last=words(
        "Dubois, Lambert, Dupont, Martin, Simon, Laurent, Leroy, Renard, Lefèvre, Gérard, Denis, Mathieu, "
        "Collard, Thiry, Delvaux, Noël, Charlier, Henrard, Piette, Bodart, Marchal, Delcourt, Fontaine, "
        "Benchekroun, Rossi, Evrard"
    ),
    cities=words("Bruxelles, Liège, Namur, Mons, Charleroi, Tournai, Louvain-la-Neuve, Dinant, Arlon, Wavre"),
)
ENGLISH = Names(
    first=words(
        "Aisha, Alice, Amelia, Ben, Callum, Charlotte, Daniel, Eleanor, Ella, Finn, Freya, George, Grace, Harry, "
        "Imogen, Isla, Jack, Jacob, Joseph, Katie, Leo, Lucy, Maeve, Matthew, Megan, Niamh, Oliver, Oscar, "
        "Poppy, Priya, Rory, Ruby, Samuel, Saoirse, Sophia, Thomas, Toby, William, Zara"
    ),
    last=words(
        "Smith, Jones, Taylor, Brown, Davies, Evans, Wilson, Thomas, Roberts, Johnson, Walker, Wright, Robinson, "
        "Thompson, Hughes, Edwards, Green, Hall, Wood, Clarke, Murphy, Kelly, O’Brien, Byrne, Ryan, O’Connor, "
        "Walsh, Nair, Khan, Patel, Reed, Finch, Okafor, Campbell"
    ),
    cities=words(
        "London, Bristol, Leeds, Manchester, Brighton, Norwich, York, Edinburgh, Cardiff, Dublin, Cork, Galway, "
        "Sheffield, Newcastle upon Tyne, Oxford"
    ),
)
