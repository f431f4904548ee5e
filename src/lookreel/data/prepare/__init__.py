"""Videos of people made into a dataset to train and evaluate on: `lookreel prepare`.

The way of one video: sources -> look (people and cuts of every frame) -> judge (which stretches are good) -> write
(clips, poses, views, flow) -> record; run does it for all of them in several processes and joins the records.
"""
